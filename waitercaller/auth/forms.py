"""The forms of registration, login and password reset."""

from flask_babel import lazy_gettext
from wtforms import HiddenField

from waitercaller.web.fields import MAX_NAME_LENGTH, email_field, new_password_field, password_field
from waitercaller.web.forms import Form, text_field

MAX_CODE_LENGTH = 60  # of a typed second-factor code, with separators


class RegisterForm(Form):
    names: tuple[str, ...] = ()  # the invited address; see web/fields.py
    restaurant = text_field(lazy_gettext("Restaurant"), MAX_NAME_LENGTH)
    name = text_field(lazy_gettext("Your name"), MAX_NAME_LENGTH)
    email = email_field()
    password = new_password_field()
    time_zone = HiddenField()  # of the browser, by its script; empty or unknown is as good as none


class LoginForm(Form):
    email = email_field()
    password = password_field()


class AddressForm(Form):
    email = email_field()


class ConfirmForm(Form):
    password = password_field()


class ResetForm(Form):
    names: tuple[str, ...] = ()  # of the account; see web/fields.py
    password = new_password_field()


class CodeForm(Form):
    """A code from the authenticator app or a recovery code."""

    code = text_field(lazy_gettext("Code"), MAX_CODE_LENGTH)
