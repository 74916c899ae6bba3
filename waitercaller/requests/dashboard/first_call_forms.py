"""The forms of the page "Your first call"."""

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext
from wtforms import SelectField
from wtforms.validators import ValidationError

from waitercaller.model.time_zones import TIME_ZONES, UNSET
from waitercaller.web.fields import choices, is_time, time_field
from waitercaller.web.forms import Form

OPENS, CLOSES = "11:00", "23:00"  # what is proposed


class EveryDayForm(Form):
    """The time zone, and hours that are the same on every day."""

    time_zone = SelectField(lazy_gettext("Time zone"), choices=choices([UNSET, *TIME_ZONES]), validate_choice=False)
    opens = time_field(lazy_gettext("Opens"), validators=[is_time], default=OPENS)
    closes = time_field(lazy_gettext("Closes"), validators=[is_time], default=CLOSES)

    def validate_time_zone(self, field: Any) -> None:
        if field.data not in TIME_ZONES and field.data != UNSET:
            raise ValidationError(_("Please choose one of the list."))


class SaidForm(Form):
    """What the owner says, since no document can know it."""

    what = SelectField(choices=choices(["heard", "printed"]))
