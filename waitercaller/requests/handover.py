"""What becomes of live requests when whoever would have gone is not there any more."""

from bson import ObjectId
from pymongo.client_session import ClientSession

from waitercaller import clock, metrics
from waitercaller.db import db
from waitercaller.requests.store import ATTENTION


def release(restaurant_id: ObjectId, member_id: str, session: ClientSession | None) -> int:
    """Let the tables wait again that this member was going to; returns how many requests changed.

    Their clocks go on: the guests have waited all the time.
    """
    now = clock.now()
    waiting = {"state": "waiting", "by": None, "due_at": now + ATTENTION}
    step = {"at": now, "what": "released", "by": None}
    theirs = {"restaurant_id": restaurant_id, "live": True, "by.id": member_id}
    changed = db().requests.update_many(theirs, {"$set": waiting, "$push": {"steps": step}}, session=session)
    metrics.stepped("released", changed.modified_count)
    return changed.modified_count
