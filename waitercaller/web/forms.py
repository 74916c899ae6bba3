"""Base form and text fields: limited length, normalised whitespace, no control characters.

A refused form is rendered again with its data and the errors, with status 400; see `refused`.
"""

import unicodedata
from typing import Any

from flask import render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString
from flask_wtf import FlaskForm
from wtforms import Field, SelectMultipleField, StringField
from wtforms.validators import DataRequired, Length, ValidationError

WHITESPACE = "\t\n\r"  # control characters that `tidy` replaces by spaces
# Characters. Longer texts are not normalised: NFC of thousands of combining accents blocks the process for seconds. No
# field accepts so many.
MAX_TIDIED_LENGTH = 1000


class Form(FlaskForm):
    """A form that reads `request.form` only, and refuses repeated fields except of a SelectMultipleField."""

    class Meta(FlaskForm.Meta):
        def wrap_formdata(self, form: Any, formdata: Any) -> Any:
            """Ignore JSON and files, which Flask-WTF also reads: values of `request.form` are always text."""
            return request.form if form.is_submitted() else None

    def validate(self, extra_validators: Any = None) -> bool:
        valid: bool = super().validate(extra_validators)
        for field in self:
            if len(field.raw_data or ()) > 1 and not isinstance(field, SelectMultipleField):
                field.errors = [*field.errors, _("This was sent twice.")]
                valid = False
        return valid


class ButtonForm(Form):
    """A form without fields: a button and the CSRF token."""


def refused(template: str, form: Form, **context: Any) -> ResponseReturnValue:
    """The response to an invalid form: its page with the submitted data and the errors, status 400."""
    return render_template(template, form=form, **context), 400


def text_field(label: str | LazyString, longest: int, required: bool = True, **options: Any) -> StringField:
    """A field for one line of at most `longest` characters; its whitespace is collapsed."""
    return StringField(label, filters=[tidy], validators=text_checks(longest, required), **options)


def text_checks(longest: int, required: bool = True) -> list[Any]:
    """The validators of a text field."""
    checks: list[Any] = [
        Length(max=longest, message=lazy_gettext("Please use at most %(max)d characters.")),
        no_control_characters,
    ]
    return [DataRequired(lazy_gettext("Please fill this in.")), *checks] if required else checks


def text_of(field: Field) -> str:
    """The data of a text field; "" for None."""
    return str(field.data or "")


def tidy(text: str | None) -> str | None:
    """`text` with collapsed whitespace, in NFC. Unchanged beyond MAX_TIDIED_LENGTH: a validator refuses it."""
    if text is None or len(text) > MAX_TIDIED_LENGTH:
        return text
    return unicodedata.normalize("NFC", " ".join(text.split()))


def no_control_characters(form: Any, field: Field) -> None:
    """Validator: refuses control characters (category Cc) and surrogates (Cs), except WHITESPACE."""
    for character in "".join(field.raw_data or ()):
        if unicodedata.category(character) in ("Cc", "Cs") and character not in WHITESPACE:
            raise ValidationError(_("This contains a character that cannot be shown."))
