"""The forms of one's own account."""

from flask_babel import gettext as _
from flask_babel import lazy_gettext
from wtforms import Field, StringField
from wtforms.validators import ValidationError

from waitercaller.auth.forms import MAX_CODE_LENGTH
from waitercaller.model.restaurants import Restaurant
from waitercaller.web.fields import MAX_NAME_LENGTH, email_field, new_password_field, password_field
from waitercaller.web.forms import Form, text_field, tidy


class NameForm(Form):
    name = text_field(lazy_gettext("Your name"), MAX_NAME_LENGTH)


class EmailForm(Form):
    email = email_field(lazy_gettext("New e-mail"))
    password = password_field()


class NewEmailForm(Form):
    password = password_field()


class PasswordForm(Form):
    names: tuple[str, ...] = ()  # which the new one must not be
    current = password_field(lazy_gettext("Current password"))
    password = new_password_field(lazy_gettext("New password"))


class VerifyForm(Form):
    password = password_field()
    code = text_field(lazy_gettext("Code from your app"), MAX_CODE_LENGTH)


def leave_form(doomed: list[Restaurant]) -> Form:
    """The form of deleting an account: the name of each restaurant that goes with it has to be typed."""

    class LeaveForm(Form):
        pass

    for restaurant in doomed:
        setattr(LeaveForm, f"name_{restaurant['_id']}", _name_again(restaurant["name"]))
    return LeaveForm()


def _name_again(name: str) -> StringField:
    def is_the_name(form: Form, field: Field) -> None:
        if str(field.data or "").casefold() != str(tidy(name)).casefold():
            raise ValidationError(_("This is not the name of the restaurant. Nothing was deleted."))

    # Its own value, not that of autofill: typing is the second thought.
    return StringField(name, filters=[tidy], validators=[is_the_name], render_kw={"autocomplete": "off"})
