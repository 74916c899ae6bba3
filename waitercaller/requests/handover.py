"""What becomes of live requests when the people who would have gone are not there any more."""

from bson import ObjectId
from pymongo.client_session import ClientSession

from waitercaller import clock, metrics
from waitercaller.db import Document, db
from waitercaller.requests.store import ATTENTION


def release(restaurant_id: ObjectId, member_id: str, session: ClientSession | None) -> int:
    """Let the tables wait again that this member was going to; returns how many requests changed.

    Their clocks go on: the guests have waited all the time.
    """
    now = clock.now()
    waiting = {"state": "waiting", "by": None, "due_at": now + ATTENTION}
    theirs = {"restaurant_id": restaurant_id, "live": True, "by.id": member_id}
    changed = db().requests.update_many(theirs, {"$set": waiting, "$push": _step("released")}, session=session)
    metrics.stepped("released", changed.modified_count)
    return changed.modified_count


def withdraw_all(restaurant_id: ObjectId, session: ClientSession | None) -> int:
    """End whatever is live in a restaurant that is being removed; returns how many requests changed."""
    ended = {"state": "withdrawn", "live": False, "ended_at": clock.now()}
    live = {"restaurant_id": restaurant_id, "live": True}
    changed = db().requests.update_many(live, {"$set": ended, "$push": _step("withdrawn")}, session=session)
    metrics.stepped("withdrawn", changed.modified_count)
    return changed.modified_count


def _step(what: str) -> Document:
    return {"steps": {"at": clock.now(), "what": what, "by": None}}
