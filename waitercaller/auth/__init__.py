"""Accounts: registration, confirmation, login, logout and password reset."""

from flask import Blueprint

blueprint = Blueprint("auth", __name__)

from waitercaller.auth import link_views, login_views, mails, views  # noqa: E402, F401  (they register routes and mails)
