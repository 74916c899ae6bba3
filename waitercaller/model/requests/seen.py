"""Who is known to have got a request.

`shown`: screens that have displayed it while visible; `signed`: phones that show a message about it; `pushed`: phones
whose push service took one. The guest's page and the history say so. It changes nothing else of a request, so it does
not wake the restaurant's topic (see model/changes).
"""

from collections.abc import Iterable
from datetime import datetime

from bson import ObjectId

from waitercaller.db import clock
from waitercaller.model.restaurants import Member
from waitercaller.model.service_request import OnPhone, Shown, documents

MAX_SCREENS_PER_REQUEST = MAX_PHONES_PER_REQUEST = 20  # only the latest are stored
MAX_PUSHES_PER_REQUEST = 50  # only the first are stored: phones are told again each minute


def record(
    restaurant_id: ObjectId,
    request_ids: list[ObjectId],
    screen_id: str,
    *,
    name: str = "",
    member_id: str | None = None,
    rang: Iterable[ObjectId] | None = None,
) -> int:
    """Record that this screen shows these live requests; idempotent, returns how many changed.

    `name` and `member_id` say whose screen it is, `rang` for which of the requests it has rung; None: not known.
    """
    shown: Shown = {"screen": screen_id, "at": clock.now(), "member_id": member_id, "name": name}
    if rang is None:
        return _show(restaurant_id, request_ids, shown)
    ringing, changed = set(rang), 0
    for has_rung in (True, False):
        if ids := [each for each in request_ids if (each in ringing) == has_rung]:
            changed += _show(restaurant_id, ids, {**shown, "rang": has_rung})
    return changed


def sign(restaurant_id: ObjectId, request_id: ObjectId, member: Member) -> None:
    """Record that a phone of this member shows a message about this request, if it is live."""
    signed: OnPhone = {"member_id": member["id"], "name": member["name"], "at": clock.now()}
    documents().update_one(
        {"_id": request_id, "restaurant_id": restaurant_id, "live": True},
        {"$push": {"signed": {"$each": [signed], "$slice": -MAX_PHONES_PER_REQUEST}}},
    )


def note_pushed(restaurant_id: ObjectId, request_id: ObjectId, member: Member, at: datetime) -> None:
    """Record that a message about this request was handed over for a phone of this member."""
    pushed: OnPhone = {"member_id": member["id"], "name": member["name"], "at": at}
    documents().update_one(
        {"_id": request_id, "restaurant_id": restaurant_id},
        {"$push": {"pushed": {"$each": [pushed], "$slice": MAX_PUSHES_PER_REQUEST}}},
    )


def _show(restaurant_id: ObjectId, request_ids: list[ObjectId], shown: Shown) -> int:
    changed = documents().update_many(
        {
            "_id": {"$in": request_ids},
            "restaurant_id": restaurant_id,
            "live": True,
            "shown.screen": {"$ne": shown["screen"]},
        },
        {"$push": {"shown": {"$each": [shown], "$slice": -MAX_SCREENS_PER_REQUEST}}},
    )
    return changed.modified_count
