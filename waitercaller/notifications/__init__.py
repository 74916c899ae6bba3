"""Notifications: a member's browsers that get push messages: subscribe, choose, test."""

from flask import Blueprint

blueprint = Blueprint("notifications", __name__)

from waitercaller.notifications import signature_views, views  # noqa: E402, F401  (they register their routes)
