"""`shown`: which screens have displayed a request while visible. The guest's page shows their number.

It changes nothing else of a request, so it does not wake the restaurant's topic (see model/changes).
"""

from bson import ObjectId

from waitercaller.db import clock
from waitercaller.model.service_request import documents

MAX_SCREENS_PER_REQUEST = 20  # only the latest are stored


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
