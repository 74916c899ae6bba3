"""Push messages to members' phones, and what makes the staff's pages an app: manifest, service worker, offline page."""
