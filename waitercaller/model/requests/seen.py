"""Receipts: which screens have drawn a request before somebody's eyes. The guest reads “on 2 staff screens” from them.

A receipt changes nothing else of a request, so the staff's list is not drawn again for it (see watch).
"""

from bson import ObjectId

from waitercaller.db import clock
from waitercaller.model.service_request import documents

MAX_SCREENS_PER_REQUEST = 20  # the latest


def record(restaurant_id: ObjectId, request_ids: list[ObjectId], screen_id: str) -> int:
    """This screen has drawn these; returns how many did not know that yet. What has ended takes no receipt."""
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
