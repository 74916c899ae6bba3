"""What the page of people shows, and what whoever looks may do with each of them."""

from datetime import datetime
from typing import Any

from bson import ObjectId
from flask_babel import format_timedelta

from waitercaller.db import clock
from waitercaller.model import invitations, logins, presence, users
from waitercaller.model.invitations import Invitation
from waitercaller.model.languages import alphabetical
from waitercaller.model.logins import Login
from waitercaller.model.presence import Screen
from waitercaller.model.restaurants import Member
from waitercaller.staff.forms import ROLES, AddMemberForm, InviteForm, ScreenForm, choices
from waitercaller.web import access
from waitercaller.web.access import RANKS

LATELY = 300  # seconds; how exactly a login's last use is known, see sessions.SEEN_INTERVAL


def house(
    invite_form: InviteForm | None = None, add_form: AddMemberForm | None = None, screen_form: ScreenForm | None = None
) -> dict[str, Any]:
    """The context of the page; a form that was refused is shown as it was sent."""
    restaurant, me = access.current_restaurant(), access.required_member()
    screens = logins.devices_of(restaurant["_id"])
    addresses = users.addresses([member["user_id"] for member in restaurant["members"] if member["user_id"]])
    members = sorted(restaurant["members"], key=lambda each: (-RANKS[each["role"]], alphabetical(each["name"])))
    return {
        "invite_form": invite_form or _for_role(me, InviteForm(formdata=None)),
        "add_form": add_form or AddMemberForm(formdata=None),
        "screen_form": screen_form or ScreenForm(formdata=None),
        "people": [_person(member, me, addresses, screens) for member in members],
        "invitations": [_invitation(each, me) for each in invitations.of_restaurant(restaurant)],
        "screens": [_screen(login) for login in screens if login["member_id"] is None],
        "watching": [_watching(screen) for screen in presence.open_screens(restaurant["_id"])],
        "is_owner": me["role"] == "owner",
    }


def invite_form() -> InviteForm:
    """The form as it was sent, with the roles that whoever asks may give."""
    return _for_role(access.required_member(), InviteForm())


def _for_role(me: Member, form: InviteForm) -> InviteForm:
    form.role.choices = choices(role for role in ROLES if invitations.may_manage(me, role))
    return form


def _person(member: Member, me: Member, addresses: dict[ObjectId | None, str], screens: list[Login]) -> dict[str, Any]:
    return {
        "id": member["id"],
        "name": member["name"],
        "role": member["role"],
        "email": addresses.get(member["user_id"]),
        "has_account": member["user_id"] is not None,
        "phones": [_screen(login) for login in screens if login["member_id"] == member["id"]],
        "is_me": member["id"] == me["id"],
        "may_manage": invitations.may_manage(me, member["role"]),
    }


def _screen(login: Login) -> dict[str, Any]:
    return {"id": login["_id"], "name": login["name"], "since": login["created_at"], "used": _ago(login["seen_at"])}


def _watching(screen: Screen) -> dict[str, Any]:
    since = format_timedelta(clock.now() - screen["since"])
    return {"name": screen["name"], "visible": screen["visible"], "audible": screen["audible"], "since": since}


def _invitation(invitation: Invitation, me: Member) -> dict[str, Any]:
    left = invitation["expires_at"] - clock.now()
    return {**invitation, "left": format_timedelta(left), "may_manage": invitations.may_manage(me, invitation["role"])}


def _ago(at: datetime) -> str:
    """How long ago in words; "" for just now."""
    passed = clock.now() - at
    return "" if passed.total_seconds() <= LATELY else str(format_timedelta(-passed, add_direction=True))
