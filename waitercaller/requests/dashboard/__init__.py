"""The dashboard: what the staff sees of the requests, and what it does with them."""

from flask import Blueprint

blueprint = Blueprint("dashboard", __name__)

from waitercaller.requests.dashboard import (  # noqa: E402, F401  (they register their routes)
    pause_views,
    screen_views,
    views,
    who,
)
