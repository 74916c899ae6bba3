"""All that is held about a person, for the person: no hashes, no secrets, no ids of logins, nothing about others."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from bson import ObjectId

from waitercaller.db import clock
from waitercaller.db.client import db
from waitercaller.model import audit_trail, invitations, logins, restaurants, service_request
from waitercaller.model.audit_trail import AuditEntry
from waitercaller.model.invitations import Invitation
from waitercaller.model.restaurants import Member, Restaurant
from waitercaller.model.users import User

WINDOW = timedelta(days=30)

ABOUT_USER = ("name", "email", "created_at", "logged_in_at", "password_changed_at")
ABOUT_LOGIN = ("created_at", "seen_at", "ended_at", "address", "browser")
ABOUT_PHONE = ("created_at", "browser", "choice")
ABOUT_EVENT = ("at", "event", "address", "details")
ABOUT_INVITATION = ("name", "role", "created_at", "expires_at")


def about(user: User) -> dict[str, object]:
    """Everything as JSON can hold it; moments in ISO 8601, UTC."""
    user_id = user["_id"]
    places = [(place, restaurants.member_of(place, user_id)) for place in restaurants.of_user(user_id)]
    worked = [(place, member["id"]) for place, member in places if member] + _worked_before(user)
    held: dict[str, object] = _plain(
        {
            "as_of": clock.now(),
            "account": _account(user),
            "restaurants": [_membership(place, member) for place, member in places if member],
            "phones": [phone for place, member_id in worked for phone in _phones(place, member_id)],
            "logins": [_some(login, ABOUT_LOGIN) for login in logins.documents().find({"actor.id": user_id})],
            "events": [_event(event) for event in audit_trail.documents().find({"user_id": user_id})],
            "events_caused": [_some(event, ("at", "event")) for event in _caused(user_id, worked)],
            "requests": [step for place, member_id in worked for step in _steps(place, member_id)],
            "invitations": [_some(each, ABOUT_INVITATION) for each in _invitations(user["email"])],
        }
    )
    return held


def _worked_before(user: User) -> list[tuple[Restaurant, str]]:
    """The restaurants this person has left, if they are still there, and as which member."""
    found = [(restaurants.documents().find_one({"_id": left["restaurant_id"]}), left) for left in user.get("left", ())]
    return [(place, left["member_id"]) for place, left in found if place]


def _account(user: User) -> dict[str, object]:
    pending, two_factor = user.get("pending_email"), user.get("two_factor")
    return {
        **_some(user, ABOUT_USER),
        "address_to_be": _some(pending, ("email", "asked_at")) if pending else None,
        "two_factor_since": two_factor["since"] if two_factor else None,
    }


def _membership(restaurant: Restaurant, member: Member) -> dict[str, object]:
    zones = [zone["name"] for zone in restaurant["zones"] if zone["id"] in member["zones"]]
    return {"restaurant": restaurant["name"], "name": member["name"], "role": member["role"], "zones": zones}


def _phones(restaurant: Restaurant, member_id: str) -> list[dict[str, object]]:
    """The browsers that push messages go to."""
    theirs = {"restaurant_id": restaurant["_id"], "member_id": member_id}
    return [_some(each, ABOUT_PHONE) for each in db().subscriptions.find(theirs)]


def _event(event: AuditEntry) -> dict[str, object]:
    return _some({**event, "address": audit_trail.address_for_person(event)}, ABOUT_EVENT)


def _caused(user_id: ObjectId, worked: list[tuple[Restaurant, str]]) -> list[AuditEntry]:
    """What this person did to others: that it was done, and when."""
    actor_ids = [str(user_id), *(member_id for _, member_id in worked)]
    return list(audit_trail.documents().find({"actor.id": {"$in": actor_ids}, "user_id": {"$ne": user_id}}))


def _steps(restaurant: Restaurant, member_id: str) -> Iterator[dict[str, object]]:
    """What this member did about requests: what, when, for which table. Read in windows: years have no upper limit."""
    theirs = {"restaurant_id": restaurant["_id"], "steps.by.id": member_id}
    begin = restaurant["created_at"]
    while begin <= clock.now():
        within = {"created_at": {"$gte": begin, "$lt": begin + WINDOW}, **theirs}
        for request in service_request.documents().find(within):
            for step in request["steps"]:
                if step["by"] and step["by"]["id"] == member_id:
                    yield {"at": step["at"], "what": step["what"], "table": request["table_name"]}
        begin += WINDOW


def _invitations(email: str) -> list[Invitation]:
    waiting = {"email": email, "used_at": None, "withdrawn_at": None, "expires_at": {"$gt": clock.now()}}
    return list(invitations.documents().find(waiting))


def _some(document: Mapping[str, object], names: tuple[str, ...]) -> dict[str, object]:
    return {name: document.get(name) for name in names}


def _plain(value: Any) -> Any:
    """`value` with moments and ids as text."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, ObjectId) else value
