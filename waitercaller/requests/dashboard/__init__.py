"""The staff's dashboard: its page, its event stream, and the actions on requests."""

from flask import Blueprint

blueprint = Blueprint("dashboard", __name__)

from waitercaller.requests.dashboard import (  # noqa: E402, F401  (they register their routes)
    actors,
    enter_views,
    first_call_views,
    pause_views,
    screen_views,
    views,
)
