"""Tables: their names and zones, the codes that guests scan, and the codes to print."""

from flask import Blueprint

blueprint = Blueprint("tables", __name__, url_prefix="/r/<objectid:restaurant_id>/tables")

from waitercaller.tables import (  # noqa: E402  (they register their routes)
    csv_views,  # noqa: F401
    many_views,  # noqa: F401
    order_views,  # noqa: F401
    print_views,  # noqa: F401
    views,  # noqa: F401
    walk_views,  # noqa: F401
)
