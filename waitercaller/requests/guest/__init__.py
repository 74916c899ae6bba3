"""The guest's page: its views, its event stream, and the actions of a phone at a table."""

from flask import Blueprint

blueprint = Blueprint("guest", __name__)

from waitercaller.requests.guest import face_views, live_views, views  # noqa: E402, F401  (they register their routes)
