"""The settings of a restaurant: name and languages, face, kinds, zones, opening hours, escalation, webhook."""

from flask import Blueprint

blueprint = Blueprint("settings", __name__, url_prefix="/r/<objectid:restaurant_id>/settings")

from waitercaller.settings import face_views, kind_views, opening_views, views, webhook_views, zone_views  # noqa: E402, F401
