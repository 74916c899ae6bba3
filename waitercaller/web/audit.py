"""The audit: who did what with accounts and rights, when and from where. Kept for 400 days (see schema), and logged.

It holds no password, token, code or cookie, and no address that somebody typed at the login: people type their password
there by mistake.
"""

import json
import logging
from contextlib import suppress
from typing import Any

from bson import ObjectId
from flask import g, has_request_context, request

from waitercaller.db import clock
from waitercaller.model import audit_trail
from waitercaller.model.audit_trail import AuditEntry
from waitercaller.model.restaurants import Actor
from waitercaller.web import limits

log = logging.getLogger(__name__)

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
    entry: AuditEntry = {
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
    audit_trail.write(entry)


def record_often(event: str, *, restaurant_id: ObjectId, **details: Any) -> None:
    """The same for what can be done and undone all day: nobody buries under it what they did before."""
    with suppress(limits.LimitReached):
        limits.check("often", str(g.login["actor"]["id"]))
        record(event, restaurant_id=restaurant_id, **details)


def _asking() -> Actor | None:
    """Who is asking: the member on staff pages, else the person or the screen."""
    if (member := g.get("member")) is not None:
        return {"id": member["id"], "name": member["name"]}
    if (person := g.get("person")) is not None:
        return {"id": str(person["_id"]), "name": person["name"]}
    if (login := g.get("login")) is not None:
        return {"id": str(login["actor"]["id"]), "name": login["name"]}
    return None
