"""`shown`: which screens have displayed a request while visible; `signed`: which phones show a message about it.

The guest's page says so. It changes nothing else of a request, so it does not wake the restaurant's topic (see
model/changes).
"""

from bson import ObjectId

from waitercaller.db import clock
from waitercaller.model.restaurants import Member
from waitercaller.model.service_request import Signed, documents

MAX_SCREENS_PER_REQUEST = MAX_PHONES_PER_REQUEST = 20  # only the latest are stored


def record(restaurant_id: ObjectId, request_ids: list[ObjectId], screen_id: str) -> int:
    """Record that this screen shows these live requests; idempotent, returns how many changed."""
    changed = documents().update_many(
        {
            "_id": {"$in": request_ids},
            "restaurant_id": restaurant_id,
            "live": True,
            "shown.screen": {"$ne": screen_id},
        },
        {"$push": {"shown": {"$each": [{"screen": screen_id, "at": clock.now()}], "$slice": -MAX_SCREENS_PER_REQUEST}}},
    )
    return changed.modified_count


def sign(restaurant_id: ObjectId, request_id: ObjectId, member: Member) -> None:
    """Record that a phone of this member shows a message about this request, if it is live."""
    signed: Signed = {"member_id": member["id"], "name": member["name"], "at": clock.now()}
    documents().update_one(
        {"_id": request_id, "restaurant_id": restaurant_id, "live": True},
        {"$push": {"signed": {"$each": [signed], "$slice": -MAX_PHONES_PER_REQUEST}}},
    )
