"""Staff: members of a restaurant, invitations, roles, and devices."""

from flask import Blueprint

blueprint = Blueprint("staff", __name__)

from waitercaller.staff import (  # noqa: E402, F401  (they register routes and mails)
    device_views,
    duty_views,
    hearing_views,
    invalid_links,
    invitation_views,
    joined_views,
    mails,
    rehearsal_views,
    views,
)
