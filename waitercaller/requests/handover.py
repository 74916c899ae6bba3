"""What becomes of live requests when whoever would have gone is not there any more."""

from bson import ObjectId
from pymongo.client_session import ClientSession

from waitercaller import metrics, restaurants
from waitercaller.db import db
from waitercaller.requests import model


def release(restaurant_id: ObjectId, member_id: str, session: ClientSession | None) -> int:
    """Let the tables wait again that this member was going to; returns how many requests changed.

    Their clocks go on: the guests have waited all the time.
    """
    waiting = model.waiting(restaurants.get(restaurant_id))
    change = {"$set": waiting, "$push": {"steps": model.step("released", None)}}
    theirs = {"restaurant_id": restaurant_id, "live": True, "by.id": member_id}
    changed = db().requests.update_many(theirs, change, session=session)
    metrics.stepped("released", changed.modified_count)
    return changed.modified_count
