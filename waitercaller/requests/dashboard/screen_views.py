"""What open screens say by themselves: that they are in front of somebody, audible, and what they have drawn."""

import re

from bson import ObjectId
from flask import Flask, Response, abort, current_app, jsonify, request
from flask.typing import ResponseReturnValue

from waitercaller.db import clock
from waitercaller.model import presence
from waitercaller.model.requests import seen
from waitercaller.requests.dashboard import blueprint
from waitercaller.web import access

SCREEN_ID = re.compile("[0-9a-f]{32}")  # made by the page
REQUESTS_OF_A_RECEIPT = 500


def keep(response: Response, restaurant_id: ObjectId) -> Response:
    """Count the screen that opens this stream as present until the stream ends; one that gives no id is not counted."""
    screen_id = request.args.get("screen", "")
    if SCREEN_ID.fullmatch(screen_id) is None:
        return response
    member = access.current_member()
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    is_held = presence.hold(
        restaurant_id,
        {
            "id": screen_id,
            "member_id": member["id"] if member else None,
            "name": member["name"] if member else access.current_login()["name"],
            "visible": request.args.get("visible") == "1",
            "audible": request.args.get("audible") == "1",
            "since": clock.now(),
        },
    )
    if is_held:
        response.call_on_close(lambda: presence.release(app, restaurant_id, screen_id))
    return response


@blueprint.post("/r/<objectid:restaurant_id>/screens")
@access.least("waiter", screens=True)
@access.passive
def tell(restaurant_id: ObjectId) -> ResponseReturnValue:
    """A screen went out of sight or came back, fell silent or can be heard again.

    Not kept: its line is down, and the next one will say it.
    """
    flags = [request.form.get(name) for name in ("visible", "audible")]
    if not set(flags) <= {"0", "1"}:
        abort(400)
    visible, audible = (flag == "1" for flag in flags)
    return jsonify(kept=presence.change(restaurant_id, _screen_id(), visible=visible, audible=audible))


@blueprint.post("/r/<objectid:restaurant_id>/shown")
@access.least("waiter", screens=True)
@access.passive
def shown(restaurant_id: ObjectId) -> ResponseReturnValue:
    """A screen in front of somebody has drawn these requests."""
    ids = request.form.get("ids", "").split()
    if not 0 < len(ids) <= REQUESTS_OF_A_RECEIPT or not all(ObjectId.is_valid(each) for each in ids):
        abort(400)
    seen.record(restaurant_id, [ObjectId(each) for each in ids], _screen_id())
    return "", 204


def _screen_id() -> str:
    screen_id = request.form.get("screen", "")
    return screen_id if SCREEN_ID.fullmatch(screen_id) else abort(400)
