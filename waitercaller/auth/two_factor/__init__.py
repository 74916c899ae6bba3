"""The second factor of a login: codes of an authenticator app (TOTP), and recovery codes."""

from flask import Blueprint

blueprint = Blueprint("two_factor", __name__)

from waitercaller.auth.two_factor import mails, views  # noqa: E402, F401  (they register routes and mails)
