"""The report: figures of the last weeks, and the history of today's calls."""

from flask import Blueprint

blueprint = Blueprint("report", __name__, url_prefix="/r/<objectid:restaurant_id>")

from waitercaller.report import file_views, letter, letter_views, own_views, views  # noqa: E402, F401  (they register routes and mails)
