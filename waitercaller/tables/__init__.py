"""Tables: their names and zones, the codes that guests scan, and the codes to print."""

from flask import Blueprint

blueprint = Blueprint("tables", __name__, url_prefix="/r/<objectid:restaurant_id>/tables")

from waitercaller.tables import csv_views, many_views, print_views, views  # noqa: E402, F401  (they register their routes)
