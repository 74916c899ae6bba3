"""The forms of the account pages."""

from flask_babel import gettext as _
from flask_babel import lazy_gettext
from wtforms import Field, HiddenField, StringField
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
    names: tuple[str, ...] = ()  # refused as the new password
    current = password_field(lazy_gettext("Current password"))
    password = new_password_field(lazy_gettext("New password"))


class VerifyForm(Form):
    password = password_field()
    code = text_field(lazy_gettext("Code from your app"), MAX_CODE_LENGTH)


class RestaurantForm(Form):
    restaurant = text_field(lazy_gettext("Restaurant"), MAX_NAME_LENGTH)
    time_zone = HiddenField()  # as in the form of registration


def deletion_form(closing: list[Restaurant]) -> Form:
    """The form that deletes an account: the name of each restaurant that is closed with it must be typed."""

    class DeletionForm(Form):
        pass

    for restaurant in closing:
        setattr(DeletionForm, f"name_{restaurant['_id']}", _name_field(restaurant["name"]))
    return DeletionForm()


def _name_field(name: str) -> StringField:
    def is_the_name(form: Form, field: Field) -> None:
        if str(field.data or "").casefold() != str(tidy(name)).casefold():
            raise ValidationError(_("This is not the name of the restaurant. Nothing was deleted."))

    # No autofill: typing the name is the confirmation.
    return StringField(name, filters=[tidy], validators=[is_the_name], render_kw={"autocomplete": "off"})
