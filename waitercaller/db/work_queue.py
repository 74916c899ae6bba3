"""What is owed to the world outside, taken up by one process at a time: mails and push messages.

What is due is a document with `state` "due", `attempts` and `next_at`: when somebody may try and, while somebody does,
when the lease ends. Taking is one conditional update, so of two processes one wins; one that dies loses nothing, since
its lease runs out and another one takes over.
"""

import random
from datetime import timedelta
from typing import Any

from waitercaller.db import clock
from waitercaller.db.client import Document, db

AMONG = 20  # so many are looked at, when others take what we found


def take(collection: str, lease: timedelta, most: int = 1) -> list[Document]:
    """At most so many of those that have been due for longest, for this process alone until `lease` has passed."""
    now, taken = clock.now(), []
    due = db()[collection].find({"state": "due", "next_at": {"$lte": now}}).sort("next_at").limit(max(most, AMONG))
    for document in due:
        if move(collection, document, {"next_at": now + lease, "attempts": document["attempts"] + 1}):
            taken.append(document)
        if len(taken) == most:
            break
    return taken


def move(collection: str, document: Document, changes: dict[str, Any]) -> bool:
    """Write `changes` if the document is as it was read, hence still ours; it then has them too."""
    unchanged = {"_id": document["_id"], "state": "due", "next_at": document["next_at"]}
    moved = db()[collection].update_one(unchanged, {"$set": changes}).modified_count == 1
    if moved:
        document.update(changes)
    return moved


def end(collection: str, document: Document, state: str, kept: timedelta) -> None:
    """Note what became of it, if it is still ours; so long it can be looked at."""
    move(collection, document, {"state": state, "purge_at": clock.now() + kept})


def pause(attempts: int, first: timedelta, longest: timedelta) -> timedelta:
    """How long to wait after so many attempts; not the same for all, so that they do not come back together."""
    return min(first * 2.0 ** (attempts - 1), longest) * random.uniform(0.75, 1.25)
