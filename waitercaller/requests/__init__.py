"""Requests: the guest's page, a table's button, the staff's dashboard, and the event streams."""

from flask import Blueprint

from waitercaller.requests import button, dashboard, guest

blueprint = Blueprint("requests", __name__)
blueprint.register_blueprint(guest.blueprint)
blueprint.register_blueprint(button.blueprint)
blueprint.register_blueprint(dashboard.blueprint)
