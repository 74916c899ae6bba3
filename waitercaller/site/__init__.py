"""Home page, analytics, /.well-known, static files, web app manifest and service worker."""

from flask import Blueprint

blueprint = Blueprint("site", __name__, template_folder="../../deploy/templates")

from waitercaller.site import analytics, app, home, well_known  # noqa: E402, F401  (they register their routes)
