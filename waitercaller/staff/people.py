"""Context of the staff page: members, invitations, devices, open screens, and what the viewer may change."""

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
from waitercaller.staff.forms import ROLES, AddMemberForm, DeviceForm, InviteForm, choices
from waitercaller.web import access, screen_words
from waitercaller.web.access import RANKS

JUST_NOW = logins.SEEN_INTERVAL  # the precision of `seen_at`


def page_context(
    invite_form: InviteForm | None = None, add_form: AddMemberForm | None = None, device_form: DeviceForm | None = None
) -> dict[str, Any]:
    """The template context; a refused form is passed in and shown with its data."""
    restaurant, me = access.current_restaurant(), access.required_member()
    devices = logins.devices_of(restaurant["_id"])
    addresses = users.addresses([member["user_id"] for member in restaurant["members"] if member["user_id"]])
    members = sorted(restaurant["members"], key=lambda each: (-RANKS[each["role"]], alphabetical(each["name"])))
    return {
        "invite_form": invite_form or _for_role(me, InviteForm(formdata=None)),
        "add_form": add_form or AddMemberForm(formdata=None),
        "device_form": device_form or DeviceForm(formdata=None),
        "people": [_person(member, me, addresses, devices) for member in members],
        "invitations": [_invitation(each, me) for each in invitations.of_restaurant(restaurant)],
        "screens": [_device(login) for login in devices if login["member_id"] is None],
        "watching": [watching(screen) for screen in presence.open_screens(restaurant["_id"])],
        "is_owner": me["role"] == "owner",
    }


def invite_form() -> InviteForm:
    """The submitted form, with the roles that the viewer may assign."""
    return _for_role(access.required_member(), InviteForm())


def _for_role(me: Member, form: InviteForm) -> InviteForm:
    form.role.choices = choices(role for role in ROLES if invitations.may_manage(me, role))
    return form


def _person(member: Member, me: Member, addresses: dict[ObjectId | None, str], devices: list[Login]) -> dict[str, Any]:
    return {
        "id": member["id"],
        "name": member["name"],
        "role": member["role"],
        "email": addresses.get(member["user_id"]),
        "has_account": member["user_id"] is not None,
        "phones": [_device(login) for login in devices if login["member_id"] == member["id"]],
        "is_me": member["id"] == me["id"],
        "may_manage": invitations.may_manage(me, member["role"]),
    }


def _device(login: Login) -> dict[str, Any]:
    return {"id": login["_id"], "name": login["name"], "since": login["created_at"], "used": ago(login["seen_at"])}


def watching(screen: Screen) -> dict[str, Any]:
    """An open screen as the pages show it."""
    since = format_timedelta(clock.now() - screen["since"])
    return {
        "name": screen["name"],
        "visible": screen["visible"],
        "audible": screen["audible"],
        "trouble": screen_words.trouble(screen),
        "since": since,
    }


def _invitation(invitation: Invitation, me: Member) -> dict[str, Any]:
    left = invitation["expires_at"] - clock.now()
    return {**invitation, "left": format_timedelta(left), "may_manage": invitations.may_manage(me, invitation["role"])}


def ago(at: datetime) -> str:
    """How long ago, as text; "" within JUST_NOW."""
    passed = clock.now() - at
    return "" if passed <= JUST_NOW else str(format_timedelta(-passed, add_direction=True))
