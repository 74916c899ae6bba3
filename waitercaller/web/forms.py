"""What the forms of staff and owners share: text that is bounded, tidy and free of control characters.

Whatever a form refuses is answered with a 400 and the form, the words kept; see `refused`.
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

WHITESPACE = "\t\n\r"  # control characters too, but harmless: they become spaces
# Characters of one text that are put in order at all: thousands of accents on one letter would take seconds, in which
# this process does nothing else. No field takes so many.
LONGEST_TIDIED = 1000


class Form(FlaskForm):
    """A form that takes only what a browser's form sends, and each field once, unless it has several boxes to tick."""

    class Meta(FlaskForm.Meta):
        def wrap_formdata(self, form: Any, formdata: Any) -> Any:
            """No JSON and no files: the values of `request.form` are text, whoever sent them."""
            return request.form if form.is_submitted() else None

    def validate(self, extra_validators: Any = None) -> bool:
        valid: bool = super().validate(extra_validators)
        for field in self:
            if len(field.raw_data or ()) > 1 and not isinstance(field, SelectMultipleField):
                field.errors = [*field.errors, _("This was sent twice.")]
                valid = False
        return valid


class ButtonForm(Form):
    """A page whose form is one button."""


def refused(template: str, form: Form, **context: Any) -> ResponseReturnValue:
    """The answer to a form that cannot be accepted: its page again, with what was typed and what is wrong."""
    return render_template(template, form=form, **context), 400


def text_field(label: str | LazyString, longest: int, required: bool = True, **options: Any) -> StringField:
    """One line of text of at most `longest` characters, its whitespace collapsed."""
    return StringField(label, filters=[tidy], validators=text_checks(longest, required), **options)


def text_checks(longest: int, required: bool = True) -> list[Any]:
    """The validators of a text field, for fields of another type or with further checks."""
    checks: list[Any] = [
        Length(max=longest, message=lazy_gettext("Please use at most %(max)d characters.")),
        no_control_characters,
    ]
    return [DataRequired(lazy_gettext("Please fill this in.")), *checks] if required else checks


def text_of(field: Field) -> str:
    """What a text field holds, "" if nothing."""
    return str(field.data or "")


def tidy(text: str | None) -> str | None:
    """`text` without spaces around it or doubled inside, and with accents written in one way (NFC).

    One that is longer than any field takes stays as it is, to be refused.
    """
    if text is None or len(text) > LONGEST_TIDIED:
        return text
    return unicodedata.normalize("NFC", " ".join(text.split()))


def no_control_characters(form: Any, field: Field) -> None:
    """A validator: refuses NUL and its kin, which no keyboard types and some programs stumble over."""
    for character in "".join(field.raw_data or ()):
        if unicodedata.category(character) in ("Cc", "Cs") and character not in WHITESPACE:
            raise ValidationError(_("This contains a character that cannot be shown."))
