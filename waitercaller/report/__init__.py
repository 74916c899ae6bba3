"""The report: how many calls there were, how long guests waited, and who came to whom today."""

from flask import Blueprint

blueprint = Blueprint("report", __name__, url_prefix="/r/<objectid:restaurant_id>")

from waitercaller.report import views  # noqa: E402, F401  (it registers its routes)
