"""The forms of members, invitations and devices."""

from collections.abc import Iterable
from typing import cast

from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString
from wtforms import SelectField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # newer than its stubs

from waitercaller.model.restaurants import Role
from waitercaller.web.fields import MAX_NAME_LENGTH, email_field, new_password_field
from waitercaller.web.forms import Form, text_field

MAX_DEVICE_NAME_LENGTH = 40
MAX_CODE_LENGTH = 20  # of eight signs, with spaces and hyphens as people type them
ROLES: dict[Role, LazyString] = {
    "waiter": lazy_gettext("Waiter"),
    "manager": lazy_gettext("Manager"),
    "owner": lazy_gettext("Owner"),
}


def choices(roles: Iterable[Role]) -> list[SelectChoice]:
    """The options of a field with these roles."""
    return [SelectChoice(role, cast(str, ROLES[role])) for role in roles]


class InviteForm(Form):
    """Invite a person by e-mail."""

    email = email_field()
    name = text_field(lazy_gettext("Name"), MAX_NAME_LENGTH, required=False)
    role = SelectField(lazy_gettext("Role"), choices=choices(ROLES), default="waiter")


class AddMemberForm(Form):
    """Add a member without an e-mail address."""

    member_name = text_field(lazy_gettext("Name"), MAX_NAME_LENGTH)


class RoleForm(Form):
    role = SelectField(lazy_gettext("Role"), choices=choices(ROLES))


class JoinForm(Form):
    """Create an account to accept an invitation."""

    names: tuple[str, ...] = ()  # refused as the password; see web/fields.py
    name = text_field(lazy_gettext("Your name"), MAX_NAME_LENGTH)
    password = new_password_field()


class TypedCodeForm(Form):
    """The code that somebody with a login shows or reads out."""

    code = text_field(lazy_gettext("Code"), MAX_CODE_LENGTH)


class DeviceForm(Form):
    """The name of a counter device."""

    device_name = text_field(lazy_gettext("Name of the screen"), MAX_DEVICE_NAME_LENGTH)
