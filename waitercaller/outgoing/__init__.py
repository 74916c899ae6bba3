"""HTTPS requests to addresses that came from somebody else: browsers' push services, restaurants' webhooks."""
