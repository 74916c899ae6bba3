"""Form fields that several rooms share: e-mail addresses, passwords, names."""

from email_validator import EmailNotValidError, validate_email
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString
from wtforms import EmailField, Field, PasswordField
from wtforms.validators import InputRequired, ValidationError

from waitercaller.web import passwords
from waitercaller.web.forms import Form, text_checks, text_of, tidy

LONGEST_ADDRESS = 254  # characters; RFC 5321
LONGEST_NAME = 80  # characters, of people and restaurants
LONGEST_TABLE_NAME = 40  # characters, of tables and zones
EMAIL, PASSWORD = lazy_gettext("E-mail"), lazy_gettext("Password")


def normal_address(email: str) -> str:
    """The one way an address is written here: lower case, its domain in ASCII. Raises EmailNotValidError.

    Only the form is checked, and names of local networks are let through: whether mails arrive is what the
    confirmation finds out. A domain without a dot is a slip of the finger.
    """
    address = validate_email(email, check_deliverability=False, globally_deliverable=False, allow_smtputf8=False)
    if "." not in address.ascii_domain:
        raise EmailNotValidError
    return str(address.ascii_email).lower()


def email_field(label: LazyString = EMAIL) -> EmailField:
    """An e-mail address; what is valid becomes its normal form."""
    checks = [*text_checks(LONGEST_ADDRESS), _address]
    return EmailField(label, filters=[tidy], validators=checks)


def password_field(label: LazyString = PASSWORD) -> PasswordField:
    """A password that somebody has already."""
    return _password_field(label, _possible)


def new_password_field(label: LazyString = PASSWORD) -> PasswordField:
    """A password that somebody chooses now."""
    return _password_field(label, _acceptable)


def _password_field(label: LazyString, check: object) -> PasswordField:
    # No maxlength: browsers would cut a longer password silently.
    required = InputRequired(lazy_gettext("Please fill this in."))
    return PasswordField(label, validators=[required, check])


def _address(form: Form, field: Field) -> None:
    if len(field.data) > LONGEST_ADDRESS:
        return  # which has been said
    try:
        field.data = normal_address(field.data)
    except EmailNotValidError:
        raise ValidationError(_("This is no complete e-mail address.")) from None


def _possible(form: Form, field: Field) -> None:
    if passwords.is_too_long(field.data):
        raise ValidationError(_("Please use at most %(max)d characters.", max=passwords.LONGEST))


def _acceptable(form: Form, field: Field) -> None:
    """A new password may not be a name around the account: the form has them as `names`, or in fields of its own."""
    typed = [text_of(form[name]) for name in ("email", "name", "restaurant") if name in form]
    names = [name for name in typed if len(name) <= LONGEST_ADDRESS]  # the others are refused themselves
    objection = passwords.objection(field.data, *names, *getattr(form, "names", ()))
    if objection:
        raise ValidationError(objection)
