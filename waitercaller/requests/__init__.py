"""Requests: the guest's page, the staff's dashboard, and the event streams of both."""

from flask import Blueprint

from waitercaller.requests import dashboard, guest

blueprint = Blueprint("requests", __name__)
blueprint.register_blueprint(guest.blueprint)
blueprint.register_blueprint(dashboard.blueprint)
