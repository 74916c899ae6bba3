"""What a button on a table or in the kitchen sends, and the state that it shows."""

from flask import Blueprint

blueprint = Blueprint("button", __name__)

from waitercaller.requests.button import views  # noqa: E402, F401  (it registers its routes)
