"""The forms of the settings."""

import zoneinfo
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext
from wtforms import BooleanField, IntegerField, SelectField, SelectMultipleField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # newer than its stubs
from wtforms.validators import NumberRange, ValidationError

from waitercaller.model.languages import LANGUAGES
from waitercaller.settings.fields import MergingForm, choices
from waitercaller.settings.merging import Values
from waitercaller.web.fields import MAX_NAME_LENGTH, MAX_TABLE_NAME_LENGTH
from waitercaller.web.forms import Form, text_field, text_of

REGIONS = ("Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")
# Read once: it looks at every file of the database of time zones.
TIME_ZONES = sorted(zone for zone in zoneinfo.available_timezones() if zone.partition("/")[0] in REGIONS)
QUICKEST, SLOWEST = 10, 3600  # seconds


class HouseForm(MergingForm):
    """What the restaurant is called, where it is and what its guests read."""

    name = text_field(lazy_gettext("Name"), MAX_NAME_LENGTH)
    time_zone = SelectField(
        lazy_gettext("Time zone"),
        choices=choices(["UTC", *TIME_ZONES]),
        validate_choice=False,
        render_kw={"data-time-zone": ""},
    )
    language = SelectField(
        lazy_gettext("First language"),
        choices=[SelectChoice(code, name) for code, name in LANGUAGES.items()],
        validate_choice=False,
    )
    languages = SelectMultipleField(
        lazy_gettext("Languages"),
        choices=[SelectChoice(code, name) for code, name in LANGUAGES.items()],
        validate_choice=False,
    )

    def validate_time_zone(self, field: Any) -> None:
        if field.data not in TIME_ZONES and field.data != "UTC":
            raise ValidationError(_("Please choose one of the list."))

    def validate_language(self, field: Any) -> None:
        if field.data not in LANGUAGES:
            raise ValidationError(_("Please choose one of the list."))

    def validate_languages(self, field: Any) -> None:
        if not set(field.data) <= set(LANGUAGES):
            raise ValidationError(_("Please choose from the list."))

    def values(self) -> Values:
        """What was sent, as it is compared and kept."""
        chosen = {*(self.languages.data or ()), text_of(self.language)}
        return {
            "name": text_of(self.name),
            "time_zone": text_of(self.time_zone),
            "language": text_of(self.language),
            "languages": [code for code in LANGUAGES if code in chosen],
        }

    def words(self, value: Any) -> str:
        many = value if isinstance(value, list) else [value]
        return ", ".join(LANGUAGES.get(each, str(each)) for each in many)


class ZoneForm(Form):
    """A part of the house."""

    zone_name = text_field(lazy_gettext("Name"), MAX_TABLE_NAME_LENGTH)


class MoveForm(Form):
    """One step up or down in a list."""

    direction = SelectField(choices=choices(["up", "down"]))

    @property
    def steps(self) -> int:
        """How many places down the list; -1 is one up."""
        return 1 if self.direction.data == "down" else -1


class NotesForm(Form):
    """Whether guests may write a line."""

    notes = SelectField(choices=choices(["yes", "no"]))


class SecondsField(IntegerField):
    """A number of seconds."""

    def process_formdata(self, valuelist: list[str]) -> None:
        try:
            self.data = int(valuelist[0])
        except (ValueError, IndexError):
            self.data = None
            raise ValueError(_("Please give a number of seconds.")) from None


class AttentionForm(MergingForm):
    """After how many seconds without anybody going to a table what happens."""

    nag = SecondsField()
    all_zones = SecondsField()
    alert = SecondsField()
    alert_mail = BooleanField(lazy_gettext("Also send a mail to owners and managers"))

    def validate_nag(self, field: Any) -> None:
        NumberRange(QUICKEST, message=_("At least %(number)d seconds, please.", number=QUICKEST))(self, field)

    def validate_all_zones(self, field: Any) -> None:
        _later_than(self.nag, field)

    def validate_alert(self, field: Any) -> None:
        _later_than(self.all_zones, field)
        NumberRange(max=SLOWEST, message=_("At most %(number)d seconds, please.", number=SLOWEST))(self, field)

    def values(self) -> Values:
        """What was sent, as it is compared and kept."""
        times = {name: self[name].data for name in ("nag", "all_zones", "alert")}
        return {**times, "alert_mail": bool(self.alert_mail.data)}

    def words(self, value: Any) -> str:
        return (_("on") if value else _("off")) if isinstance(value, bool) else str(value)


def _later_than(earlier: Any, field: Any) -> None:
    if isinstance(earlier.data, int) and isinstance(field.data, int) and field.data <= earlier.data:
        raise ValidationError(_("This must come after the step before it."))
