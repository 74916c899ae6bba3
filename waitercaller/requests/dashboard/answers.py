"""What a tap on the staff's screen is answered: as JSON to a script, else as a message on the dashboard."""

from bson import ObjectId
from flask import flash, jsonify, redirect, url_for
from flask.typing import ResponseReturnValue

from waitercaller.web.errors import wants_json


def told(restaurant_id: ObjectId, changed: bool, message: str) -> ResponseReturnValue:
    """What came of the tap, in a sentence: that something was done, or why nothing was."""
    if wants_json():
        return jsonify(ok=changed, message=message), 200 if changed else 409
    flash(message, "success" if changed else "warning")
    return redirect(url_for("requests.dashboard.page", restaurant_id=restaurant_id), 303)
