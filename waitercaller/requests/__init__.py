"""Requests: the guest's page, the staff's dashboard, and the live streams of both."""

from flask import Blueprint

blueprint = Blueprint("requests", __name__)

from waitercaller.requests import mute_views, staff_views, who  # noqa: E402, F401  (they register their routes)
from waitercaller.requests.guest import views  # noqa: E402, F401  (the same)
