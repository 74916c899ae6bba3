"""The store of alerts: for each restaurant, since when nobody hears its calls, and when its managers were last told.

What is told goes out with the note that it was, in one transaction: once, whichever process comes first.
"""

from contextlib import suppress
from datetime import datetime, timedelta

from bson import ObjectId
from pymongo.client_session import ClientSession
from pymongo.errors import DuplicateKeyError

from waitercaller import clock
from waitercaller.db import Document, db

PATIENCE = timedelta(minutes=2)  # so long the calls of an open restaurant may be heard by nobody
REST = timedelta(minutes=15)  # between two mails about guests who wait: one evening must not fill a mailbox
# Whoever was told so often, and never looked in between, is on holiday or has left.
MOST_UNHEEDED = 7


def note_mail(restaurant_id: ObjectId, session: ClientSession | None) -> bool:
    """Note that a mail about waiting guests goes out now; False where the last one is younger than REST."""
    now = clock.now()
    rested = {"restaurant_id": restaurant_id, "$or": [{"mailed_at": None}, {"mailed_at": {"$lte": now - REST}}]}
    return bool(db().alerts.update_one(rested, {"$set": {"mailed_at": now}}, session=session).modified_count)


def prepare(restaurant_id: ObjectId) -> None:
    """Make the restaurant's document where it has none. Before a transaction, which a race for it would end."""
    blank = {"mailed_at": None, "unheard_since": None, "told_at": None, "unheeded": 0}
    with suppress(DuplicateKeyError):  # made by another process just now
        db().alerts.update_one({"restaurant_id": restaurant_id}, {"$setOnInsert": blank}, upsert=True)


def noted() -> dict[ObjectId, Document]:
    """What is noted of restaurants whose calls nobody hears, or whose owners were told so and have not looked since."""
    matters = {"$or": [{"unheard_since": {"$ne": None}}, {"unheeded": {"$gt": 0}}]}
    return {document["restaurant_id"]: document for document in db().alerts.find(matters)}


def begin_silence(restaurant_id: ObjectId) -> None:
    """Note that from now on nobody hears the calls, unless that is noted already."""
    prepare(restaurant_id)
    heard = {"restaurant_id": restaurant_id, "unheard_since": None}
    db().alerts.update_one(heard, {"$set": {"unheard_since": clock.now(), "told_at": None}})


def end_silence(noted: Document, heard: bool) -> None:
    """Somebody hears the calls, or (not `heard`) nobody needs to any more: the next silence is a new one."""
    silent = {"restaurant_id": noted["restaurant_id"], "unheard_since": noted["unheard_since"]}
    values = {"unheard_since": None, "told_at": None, **({"unheeded": 0} if heard else {})}
    db().alerts.update_one(silent, {"$set": values})


def is_to_be_told(noted: Document, now: datetime) -> bool:
    """Whether this silence is long, and nobody has been told of it yet."""
    since: datetime | None = noted["unheard_since"]
    if since is None or noted["told_at"] is not None or noted["unheeded"] >= MOST_UNHEEDED:
        return False
    return since + PATIENCE <= now


def note_told(noted: Document, session: ClientSession | None) -> bool:
    """Note that somebody is told of this silence now; False when that was done, or it is over."""
    untold = {name: noted[name] for name in ("restaurant_id", "unheard_since", "told_at")}
    change = {"$set": {"told_at": clock.now()}, "$inc": {"unheeded": 1}}
    return bool(db().alerts.update_one(untold, change, session=session).modified_count)


def is_unheard(restaurant_id: ObjectId) -> bool:
    """Whether somebody was told that nobody hears the calls of this restaurant, and that is still so."""
    return db().alerts.count_documents({"restaurant_id": restaurant_id, "told_at": {"$ne": None}}, limit=1) > 0
