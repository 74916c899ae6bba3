"""What becomes of live requests when whoever would have gone is not there any more."""

from bson import ObjectId
from pymongo.client_session import ClientSession

from waitercaller import metrics
from waitercaller.model import restaurants, service_request
from waitercaller.model.service_request import documents


def release(restaurant_id: ObjectId, member_id: str, txn: ClientSession | None) -> int:
    """Let the tables wait again that this member was going to; returns how many requests changed.

    Their clocks go on: the guests have waited all the time.
    """
    waiting = service_request.waiting(restaurants.get(restaurant_id))
    change = {"$set": waiting, "$push": {"steps": service_request.step("released", None)}}
    theirs = {"live": True, "restaurant_id": restaurant_id, "by.id": member_id}
    changed = documents().update_many(theirs, change, session=txn)
    metrics.stepped("released", changed.modified_count)
    return changed.modified_count
