"""Export of a person's data (GDPR article 20): without hashes, secrets, ids of logins, or data about others."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

from bson import ObjectId

from waitercaller.db import clock
from waitercaller.db.client import db
from waitercaller.model import audit_trail, duty, invitations, logins, restaurants, service_request
from waitercaller.model.audit_trail import AuditEntry
from waitercaller.model.invitations import Invitation
from waitercaller.model.restaurants import Member, Restaurant
from waitercaller.model.service_request import ServiceRequest
from waitercaller.model.users import User

WINDOW = timedelta(days=30)

ABOUT_USER = ("name", "email", "created_at", "logged_in_at", "password_changed_at")
ABOUT_LOGIN = ("created_at", "seen_at", "ended_at", "address", "browser")
ABOUT_PHONE = ("created_at", "browser", "choice")
ABOUT_EVENT = ("at", "event", "address", "details")
ON_SCREENS_AND_PHONES: tuple[Literal["shown", "signed", "pushed"], ...] = ("shown", "signed", "pushed")
ABOUT_INVITATION = ("name", "role", "created_at", "expires_at")


def about(user: User) -> dict[str, object]:
    """The export as JSON-serialisable values; times in ISO 8601, UTC."""
    user_id = user["_id"]
    memberships = [
        (restaurant, restaurants.member_of(restaurant, user_id)) for restaurant in restaurants.of_user(user_id)
    ]
    worked = [(restaurant, member["id"]) for restaurant, member in memberships if member] + _former_memberships(user)
    export: dict[str, object] = _as_json(
        {
            "as_of": clock.now(),
            "account": _account(user),
            "restaurants": [_membership(restaurant, member) for restaurant, member in memberships if member],
            "phones": [phone for restaurant, member_id in worked for phone in _phones(restaurant, member_id)],
            "logins": [_pick(login, ABOUT_LOGIN) for login in logins.documents().find({"actor.id": user_id})],
            "events": [_event(event) for event in audit_trail.documents().find({"user_id": user_id})],
            "events_caused": [_pick(event, ("at", "event")) for event in _caused(user_id, worked)],
            "requests": [step for restaurant, member_id in worked for step in _requests(restaurant, member_id)],
            "invitations": [_pick(each, ABOUT_INVITATION) for each in _invitations(user["email"])],
        }
    )
    return export


def _former_memberships(user: User) -> list[tuple[Restaurant, str]]:
    """Existing restaurants that this person has left, with their former member id."""
    found = [(restaurants.documents().find_one({"_id": left["restaurant_id"]}), left) for left in user.get("left", ())]
    return [(restaurant, left["member_id"]) for restaurant, left in found if restaurant]


def _account(user: User) -> dict[str, object]:
    pending, two_factor = user.get("pending_email"), user.get("two_factor")
    return {
        **_pick(user, ABOUT_USER),
        "address_to_be": _pick(pending, ("email", "asked_at")) if pending else None,
        "two_factor_since": two_factor["since"] if two_factor else None,
        "operator_since": user.get("operator_since"),
    }


def _membership(restaurant: Restaurant, member: Member) -> dict[str, object]:
    zones = [zone["name"] for zone in restaurant["zones"] if zone["id"] in member["zones"]]
    about: dict[str, object] = {"restaurant": restaurant["name"], "name": member["name"], "role": member["role"]}
    entry = duty.entry_of(restaurant, member["id"], clock.now())
    return {**about, "zones": zones, **({"duty": _pick(entry, ("since", "until"))} if entry else {})}


def _phones(restaurant: Restaurant, member_id: str) -> list[dict[str, object]]:
    """The member's push subscriptions."""
    of_member = {"restaurant_id": restaurant["_id"], "member_id": member_id}
    return [_pick(each, ABOUT_PHONE) for each in db().subscriptions.find(of_member)]


def _event(event: AuditEntry) -> dict[str, object]:
    return _pick({**event, "address": audit_trail.address_for_person(event)}, ABOUT_EVENT)


def _caused(user_id: ObjectId, worked: list[tuple[Restaurant, str]]) -> list[AuditEntry]:
    """Audit entries about others that this person caused."""
    actor_ids = [str(user_id), *(member_id for _, member_id in worked)]
    return list(audit_trail.documents().find({"actor.id": {"$in": actor_ids}, "user_id": {"$ne": user_id}}))


def _requests(restaurant: Restaurant, member_id: str) -> Iterator[dict[str, object]]:
    """What requests hold about this member. Read in windows, since their number is unbounded."""
    begin = restaurant["created_at"]
    while begin <= clock.now():
        # All of the window: an alternative of steps, screens and phones has no index.
        within = {"created_at": {"$gte": begin, "$lt": begin + WINDOW}, "restaurant_id": restaurant["_id"]}
        found = service_request.documents().find(within, ["table_name", "steps", *ON_SCREENS_AND_PHONES])
        for request in found.sort("created_at"):
            for what, at in _about(request, member_id):
                yield {"at": at, "what": what, "table": request["table_name"]}
        begin += WINDOW


def _about(request: ServiceRequest, member_id: str) -> Iterator[tuple[str, datetime]]:
    """The steps that this member took, and when their screens and phones showed the request."""
    for step in request["steps"]:
        if step["by"] and step["by"]["id"] == member_id:
            yield step["what"], step["at"]
    for what in ON_SCREENS_AND_PHONES:
        for each in request.get(what, []):
            if each.get("member_id") == member_id:
                yield what, each["at"]


def _invitations(email: str) -> list[Invitation]:
    waiting = {"email": email, "used_at": None, "withdrawn_at": None, "expires_at": {"$gt": clock.now()}}
    return list(invitations.documents().find(waiting))


def _pick(document: Mapping[str, object], names: tuple[str, ...]) -> dict[str, object]:
    return {name: document.get(name) for name in names}


def _as_json(value: Any) -> Any:
    """`value` with times and ids as strings."""
    if isinstance(value, dict):
        return {name: _as_json(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_as_json(each) for each in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, ObjectId) else value
