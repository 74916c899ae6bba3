"""The site around the rooms: home, analytics, /.well-known, static files, and what makes the staff's pages an app."""

from flask import Blueprint

blueprint = Blueprint("site", __name__, template_folder="../../deploy/templates")

from waitercaller.site import analytics, app, home, well_known  # noqa: E402, F401  (they register their routes)
