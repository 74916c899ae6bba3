"""What a guest says of a call that is done: whether it was all right. Asked once, and it changes nothing else."""

from bson import ObjectId

from waitercaller.db import clock
from waitercaller.model.restaurants import Restaurant
from waitercaller.model.service_request import UNDO_WINDOW, Opinion, Scope, documents


def are_asked_for(restaurant: Restaurant) -> bool:
    """Whether guests of this restaurant are asked."""
    return restaurant["settings"].get("opinions", True)


def keep(where: Scope, request_id: ObjectId, opinion: Opinion) -> bool:
    """Keep what a guest says; False if it was said before, or the request is not done, or not lately."""
    done = {"_id": request_id, **where, "state": "resolved", "ended_at": {"$gt": clock.now() - UNDO_WINDOW}}
    return bool(documents().update_one({**done, "opinion": None}, {"$set": {"opinion": opinion}}).modified_count)
