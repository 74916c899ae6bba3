"""The guest's page: what a phone at a table reads, and what it may do."""

from flask import Blueprint

blueprint = Blueprint("guest", __name__)

from waitercaller.requests.guest import views  # noqa: E402, F401  (it registers its routes)
