"""All that is held about a person, for the person: no hashes, no secrets, no ids of logins, nothing about others."""

from datetime import datetime
from typing import Any

from bson import ObjectId

from waitercaller import clock, restaurants
from waitercaller.db import Document, db

ABOUT_USER = ("name", "email", "created_at", "logged_in_at", "password_changed_at")
ABOUT_LOGIN = ("created_at", "seen_at", "ended_at", "address", "browser")
ABOUT_EVENT = ("at", "event", "address", "details")
ABOUT_INVITATION = ("name", "role", "created_at", "expires_at")


def about(user: Document) -> Document:
    """Everything as JSON can hold it; moments in ISO 8601, UTC."""
    user_id, places = user["_id"], _places(user["_id"])
    member_ids = [member["id"] for _, member in places]
    held: Document = _plain(
        {
            "as_of": clock.now(),
            "account": _account(user),
            "restaurants": [_membership(restaurant, member) for restaurant, member in places],
            "logins": [_some(login, ABOUT_LOGIN) for login in db().sessions.find({"actor.id": user_id})],
            "events": [_some(event, ABOUT_EVENT) for event in db().audit.find({"user_id": user_id})],
            "events_caused": [_some(event, ("at", "event")) for event in _caused(user_id, member_ids)],
            "requests": [step for restaurant, member in places for step in _steps(restaurant, member["id"])],
            "invitations": [_some(each, ABOUT_INVITATION) for each in _invitations(user["email"])],
        }
    )
    return held


def _places(user_id: ObjectId) -> list[tuple[Document, Any]]:
    return [(place, restaurants.member_of(place, user_id)) for place in restaurants.of_user(user_id)]


def _account(user: Document) -> Document:
    pending, two_factor = user.get("pending_email"), user.get("two_factor")
    return {
        **_some(user, ABOUT_USER),
        "address_to_be": _some(pending, ("email", "asked_at")) if pending else None,
        "two_factor_since": two_factor["since"] if two_factor else None,
    }


def _membership(restaurant: Document, member: Document) -> Document:
    zones = [zone["name"] for zone in restaurant["zones"] if zone["id"] in member["zones"]]
    return {"restaurant": restaurant["name"], "name": member["name"], "role": member["role"], "zones": zones}


def _caused(user_id: ObjectId, member_ids: list[str]) -> list[Document]:
    """What this person did to others: that it was done, and when."""
    by = {"actor.id": {"$in": [str(user_id), *member_ids]}, "user_id": {"$ne": user_id}}
    return list(db().audit.find(by))


def _steps(restaurant: Document, member_id: str) -> list[Document]:
    """What this member did about requests: what, when, for which table."""
    theirs = db().requests.find({"restaurant_id": restaurant["_id"], "steps.by.id": member_id})
    return [
        {"at": step["at"], "what": step["what"], "table": request["table_name"], "restaurant": restaurant["name"]}
        for request in theirs
        for step in request["steps"]
        if step["by"] and step["by"]["id"] == member_id
    ]


def _invitations(email: str) -> list[Document]:
    waiting = {"email": email, "used_at": None, "withdrawn_at": None, "expires_at": {"$gt": clock.now()}}
    return list(db().invitations.find(waiting))


def _some(document: Document, names: tuple[str, ...]) -> Document:
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
