"""The forms of opening hours, special days and the manual state."""

from datetime import date
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext
from wtforms import SelectField, SelectMultipleField, StringField
from wtforms.validators import Optional, ValidationError

from waitercaller.web.fields import choices, is_time, time_field
from waitercaller.web.forms import Form, text_of


def day_of(text: str) -> date | None:
    """Parse an ISO date; None if it is invalid."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


class NowForm(Form):
    """The manual opening state; "hours" removes it."""

    state = SelectField(choices=choices(["open", "closed", "hours"]))


class HoursForm(Form):
    """A span on one or more weekdays."""

    days = SelectMultipleField(lazy_gettext("Days"), choices=choices(map(str, range(7))), validate_choice=False)
    opens = time_field(lazy_gettext("Opens"), validators=[is_time])
    closes = time_field(lazy_gettext("Closes"), validators=[is_time])

    def validate_days(self, field: Any) -> None:
        if not field.data:
            raise ValidationError(_("Please choose at least one day."))
        if not set(field.data) <= {str(day) for day in range(7)}:
            raise ValidationError(_("Please choose from the list."))


class ExceptionForm(Form):
    """Special days: closed, or open at other times."""

    first_day = StringField(lazy_gettext("Day"))
    last_day = StringField(lazy_gettext("Up to and including"))
    starts = time_field(lazy_gettext("Opens"), validators=[Optional(), is_time])
    ends = time_field(lazy_gettext("Closes"), validators=[Optional(), is_time])

    def validate_first_day(self, field: Any) -> None:
        if day_of(text_of(field)) is None:
            raise ValidationError(_("Please give a day."))

    def validate_last_day(self, field: Any) -> None:
        if text_of(field) and day_of(text_of(field)) is None:
            raise ValidationError(_("Please give a day, or leave this empty."))

    def validate_starts(self, field: Any) -> None:
        self._both_or_none(field, self.ends)

    def validate_ends(self, field: Any) -> None:
        self._both_or_none(field, self.starts)

    def _both_or_none(self, field: Any, other: Any) -> None:
        if text_of(field) and not text_of(other):
            raise ValidationError(_("Please give both times, or none for a day that is closed."))


class RemoveForm(Form):
    """The name of a weekly span, or a range of special days."""

    which = StringField()
