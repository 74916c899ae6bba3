"""Staff: the people of a restaurant, their invitations and roles, and the screens that log in without a person."""

from flask import Blueprint

blueprint = Blueprint("staff", __name__)

from waitercaller.staff import (  # noqa: E402, F401  (they register routes and mails)
    device_views,
    invalid_links,
    invitation_views,
    mails,
    views,
)
