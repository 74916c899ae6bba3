"""Release of live requests whose member has left."""

from bson import ObjectId
from pymongo.client_session import ClientSession

from waitercaller import metrics
from waitercaller.model import restaurants, service_request
from waitercaller.model.service_request import NOT_REHEARSED, documents


def release(restaurant_id: ObjectId, member_id: str, txn: ClientSession | None) -> int:
    """Set the requests that this member has accepted back to waiting; returns how many changed.

    `first_at` is kept, since the guests have waited all the time. A rehearsal is over in a minute by itself.
    """
    waiting = service_request.waiting(restaurants.get(restaurant_id))
    change = {"$set": waiting, "$push": {"steps": service_request.step("released", None)}}
    accepted = {"live": True, "restaurant_id": restaurant_id, "by.id": member_id, **NOT_REHEARSED}
    changed = documents().update_many(accepted, change, session=txn)
    metrics.stepped("released", changed.modified_count)
    return changed.modified_count
