"""Shared form fields: e-mail addresses, passwords, times of day, options; length limits of names."""

import re
from collections.abc import Iterable
from typing import Any

from email_validator import EmailNotValidError, validate_email
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString
from wtforms import EmailField, Field, PasswordField, StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # newer than its stubs
from wtforms.validators import InputRequired, ValidationError

from waitercaller.web import passwords
from waitercaller.web.forms import Form, text_checks, text_of, tidy

MAX_ADDRESS_LENGTH = 254  # characters; RFC 5321
MAX_NAME_LENGTH = 80  # characters, of people and restaurants
MAX_TABLE_NAME_LENGTH = 40  # characters, of tables and zones
TIME = re.compile("([01][0-9]|2[0-3]):[0-5][0-9]")
EMAIL, PASSWORD = lazy_gettext("E-mail"), lazy_gettext("Password")


def normalise_address(email: str) -> str:
    """Normalise an e-mail address: lower case, domain in ASCII. Raises EmailNotValidError.

    Only the syntax is checked, and domains of local networks are accepted: the confirmation mail tests delivery. A
    domain without a dot is refused as a typing error.
    """
    address = validate_email(email, check_deliverability=False, globally_deliverable=False, allow_smtputf8=False)
    if "." not in address.ascii_domain:
        raise EmailNotValidError
    return str(address.ascii_email).lower()


def email_field(label: LazyString = EMAIL) -> EmailField:
    """A field for an e-mail address; valid data are normalised."""
    checks = [*text_checks(MAX_ADDRESS_LENGTH), _normalise]
    return EmailField(label, filters=[tidy], validators=checks)


def password_field(label: LazyString = PASSWORD) -> PasswordField:
    """A field for an existing password."""
    return _password_field(label, _check_length)


def new_password_field(label: LazyString = PASSWORD) -> PasswordField:
    """A field for a new password."""
    return _password_field(label, _check_new_password)


def time_field(label: Any, **options: Any) -> StringField:
    """A time of day as "18:30"."""
    return StringField(label, filters=[lambda text: (text or "").strip()], **options)


def is_time(_form: Form, field: Any) -> None:
    if not TIME.fullmatch(field.data or ""):
        raise ValidationError(_("Please give a time, such as 18:30."))


def choices(values: Iterable[str]) -> list[SelectChoice]:
    """Options with these values; their texts are in the template."""
    return [SelectChoice(value, value) for value in values]


def _password_field(label: LazyString, check: object) -> PasswordField:
    # No maxlength: browsers would truncate a longer password silently.
    required = InputRequired(lazy_gettext("Please fill this in."))
    return PasswordField(label, validators=[required, check])


def _normalise(form: Form, field: Field) -> None:
    if len(field.data) > MAX_ADDRESS_LENGTH:
        return  # refused by another validator
    try:
        field.data = normalise_address(field.data)
    except EmailNotValidError:
        raise ValidationError(_("This is no complete e-mail address.")) from None


def _check_length(form: Form, field: Field) -> None:
    if passwords.is_too_long(field.data):
        raise ValidationError(_("Please use at most %(max)d characters.", max=passwords.MAX_LENGTH))


def _check_new_password(form: Form, field: Field) -> None:
    """Check a new password; it must not be one of the account's names, from fields of the form or from `form.names`."""
    typed = [text_of(form[name]) for name in ("email", "name", "restaurant") if name in form]
    names = [
        name for name in typed if len(name) <= MAX_ADDRESS_LENGTH
    ]  # longer ones are refused by their own validator
    objection = passwords.objection(field.data, *names, *getattr(form, "names", ()))
    if objection:
        raise ValidationError(objection)
