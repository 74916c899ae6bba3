"""Push messages to members' phones, and what makes the staff's pages an app: manifest, service worker, offline page."""

from flask import Blueprint

blueprint = Blueprint("push", __name__)

from waitercaller.push import app_views, views  # noqa: E402, F401  (they register their routes)
