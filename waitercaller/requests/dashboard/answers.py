"""Responses to actions on the dashboard: JSON for scripts, otherwise a flashed message and a redirect."""

from bson import ObjectId
from flask import flash, jsonify, redirect, url_for
from flask.typing import ResponseReturnValue

from waitercaller.web.errors import wants_json


def respond(restaurant_id: ObjectId, changed: bool, message: str) -> ResponseReturnValue:
    """Report the result of an action; status 409 for scripts when it `changed` nothing."""
    if wants_json():
        return jsonify(ok=changed, message=message), 200 if changed else 409
    flash(message, "success" if changed else "warning")
    return redirect(url_for("requests.dashboard.page", restaurant_id=restaurant_id), 303)
