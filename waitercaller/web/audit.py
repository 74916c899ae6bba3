"""The audit: changes of accounts and rights, with actor, time and IP address. Stored (TTL: see schema) and logged.

It has no password, token, code or cookie, and no e-mail address from a login form: people type passwords there by
mistake.
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
    """Write an audit entry; `actor` defaults to the actor of this HTTP request.

    A failed write is logged and does not undo the audited operation. Raises ValueError if a detail has the name of a
    secret.
    """
    if SECRETS & set(details):
        raise ValueError(f"The audit must not contain {', '.join(sorted(SECRETS & set(details)))}.")
    entry: AuditEntry = {
        "at": clock.now(),
        "event": event,
        "user_id": user_id,
        "restaurant_id": restaurant_id,
        "actor": actor or _current_actor(),
        "address": request.remote_addr if has_request_context() else None,
        "request_id": g.get("request_id"),
        "details": details,
    }
    # As JSON: names cannot inject line breaks or fields.
    log.info("audit: %s", json.dumps({**entry, "at": entry["at"].isoformat()}, default=str))
    audit_trail.write(entry)


def record_limited(event: str, *, restaurant_id: ObjectId, **details: Any) -> None:
    """As `record`, rate-limited: for operations that could be repeated to push earlier entries out of the list."""
    with suppress(limits.LimitReached):
        limits.check("often", str(g.login["actor"]["id"]))
        record(event, restaurant_id=restaurant_id, **details)


def _current_actor() -> Actor | None:
    """The actor of this HTTP request: the member on staff pages, else the person or device."""
    if (member := g.get("member")) is not None:
        return {"id": member["id"], "name": member["name"]}
    if (person := g.get("person")) is not None:
        return {"id": str(person["_id"]), "name": person["name"]}
    if (login := g.get("login")) is not None:
        return {"id": str(login["actor"]["id"]), "name": login["name"]}
    return None
