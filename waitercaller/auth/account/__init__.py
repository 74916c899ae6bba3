"""The account of the logged-in person: name, e-mail address, password, logins, data export, deletion."""

from flask import Blueprint

blueprint = Blueprint("account", __name__)

from waitercaller.auth.account import (  # noqa: E402, F401  (they register routes and mails)
    email_views,
    leave_views,
    login_views,
    mails,
    restaurant_views,
    views,
)
