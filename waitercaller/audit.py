"""The audit: who did what with accounts and rights, when and from where. Kept for 400 days (see schema), and logged.

It holds no password, token, code or cookie, and no address that somebody typed at the login: people type their password
there by mistake.
"""

import json
import logging
from contextlib import suppress
from operator import itemgetter
from typing import Any

import pymongo
from bson import ObjectId
from flask import g, has_request_context, request
from pymongo import DESCENDING
from pymongo.client_session import ClientSession
from pymongo.errors import PyMongoError

from waitercaller import clock, limits
from waitercaller.db import Document, db
from waitercaller.restaurants import Actor

log = logging.getLogger(__name__)

STORE_SECONDS = 0.4  # to wait for the database; the deed is done, and its answer is waited for
FAILED = 5  # tries to log in, among the events that a person reads
SECRETS = {"password", "token", "code", "cookie", "secret"}


def record(
    event: str,
    *,
    user_id: ObjectId | None = None,
    restaurant_id: ObjectId | None = None,
    actor: Actor | None = None,
    **details: Any,
) -> None:
    """Keep that this happened to or by this user; `actor` is who did it, if not given whoever is asking.

    The deed stands also where this cannot be written: then the log has both. Raises ValueError for a detail that by its
    name is a secret.
    """
    if SECRETS & set(details):
        raise ValueError(f"The audit keeps no {', '.join(sorted(SECRETS & set(details)))}.")
    entry = {
        "at": clock.now(),
        "event": event,
        "user_id": user_id,
        "restaurant_id": restaurant_id,
        "actor": actor or _asking(),
        "address": request.remote_addr if has_request_context() else None,
        "request_id": g.get("request_id"),
        "details": details,
    }
    # As JSON, so that no name can break a line or pass for another field.
    log.info("audit: %s", json.dumps({**entry, "at": entry["at"].isoformat()}, default=str))
    _keep(entry)


def record_often(event: str, *, restaurant_id: ObjectId, **details: Any) -> None:
    """The same for what can be done and undone all day: nobody buries under it what they did before."""
    with suppress(limits.LimitReached):
        limits.check("often", str(g.login["actor"]["id"]))
        record(event, restaurant_id=restaurant_id, **details)


def of_person(user_id: ObjectId, number: int = 20) -> list[Document]:
    """The last events of this person, the newest first.

    Only a few of them are tries that failed: strangers make those, and would push out what somebody did who got in.
    """
    failed = _last({"user_id": user_id, "event": "login_failed"}, FAILED)
    others = _last({"user_id": user_id, "event": {"$ne": "login_failed"}}, number - len(failed))
    return sorted([*failed, *others], key=itemgetter("at"), reverse=True)


def of_restaurant(restaurant_id: ObjectId, number: int = 100) -> list[Document]:
    """The last events of this restaurant, the newest first."""
    return _last({"restaurant_id": restaurant_id}, number)


def _last(which: Document, number: int) -> list[Document]:
    return list(db().audit.find(which).sort("at", DESCENDING).limit(number))


def forget_person(user_id: ObjectId, actor_ids: list[str], session: ClientSession | None = None) -> None:
    """Keep that things happened, but not to whom: no name, address or detail of this person stays.

    `actor_ids` are its memberships' ids.
    """
    nobody: Document = {"user_id": None, "actor": None, "address": None, "details": {}}
    db().audit.update_many({"user_id": user_id}, {"$set": nobody}, session=session)
    theirs = {"actor.id": {"$in": [str(user_id), *actor_ids]}}
    db().audit.update_many(theirs, {"$set": {"actor": None, "address": None}}, session=session)


def forget_restaurant(restaurant_id: ObjectId) -> None:
    """The same for all that happened in a restaurant that is gone: nobody is left who could ask for it."""
    db().audit.update_many({"restaurant_id": restaurant_id}, {"$set": {"actor": None, "address": None, "details": {}}})


def _keep(entry: Document) -> None:
    try:
        with pymongo.timeout(STORE_SECONDS):
            db().audit.insert_one(entry)
    except PyMongoError as error:
        log.error("the audit could not be written, only logged: %s", type(error).__name__)


def _asking() -> Document | None:
    """Who is asking: the member on staff pages, else the person or the screen."""
    if (member := g.get("member")) is not None:
        return {"id": member["id"], "name": member["name"]}
    if (person := g.get("person")) is not None:
        return {"id": str(person["_id"]), "name": person["name"]}
    if (login := g.get("login")) is not None:
        return {"id": str(login["actor"]["id"]), "name": login["name"]}
    return None
