"""The forms of the settings."""

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext
from wtforms import BooleanField, IntegerField, SelectField, SelectMultipleField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # newer than its stubs
from wtforms.validators import ValidationError

from waitercaller.model.languages import LANGUAGES
from waitercaller.model.rollups.retention import KEEP_DAYS, MIN_KEEP_DAYS
from waitercaller.model.service_request import Escalation
from waitercaller.model.time_zones import TIME_ZONES, UNSET
from waitercaller.outgoing import delivery
from waitercaller.settings.fields import MergingForm
from waitercaller.settings.merging import Values
from waitercaller.web.fields import MAX_NAME_LENGTH, MAX_TABLE_NAME_LENGTH, choices
from waitercaller.web.forms import Form, text_field, text_of

MIN_SECONDS, MAX_SECONDS = 10, 3600  # of escalation times


class RestaurantForm(MergingForm):
    """Name, time zone and languages of the restaurant."""

    name = text_field(lazy_gettext("Name"), MAX_NAME_LENGTH)
    time_zone = SelectField(
        lazy_gettext("Time zone"),
        choices=choices([UNSET, *TIME_ZONES]),
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
        if field.data not in TIME_ZONES and field.data != UNSET:
            raise ValidationError(_("Please choose one of the list."))

    def validate_language(self, field: Any) -> None:
        if field.data not in LANGUAGES:
            raise ValidationError(_("Please choose one of the list."))

    def validate_languages(self, field: Any) -> None:
        if not set(field.data) <= set(LANGUAGES):
            raise ValidationError(_("Please choose from the list."))

    def values(self) -> Values:
        """The submitted values, as compared and stored."""
        chosen = {*(self.languages.data or ()), text_of(self.language)}
        return {
            "name": text_of(self.name),
            "time_zone": text_of(self.time_zone),
            "language": text_of(self.language),
            "languages": [code for code in LANGUAGES if code in chosen],
        }

    def text_of(self, value: Any) -> str:
        many = value if isinstance(value, list) else [value]
        return ", ".join(LANGUAGES.get(each, str(each)) for each in many)


class ZoneForm(Form):
    """The name of a zone."""

    zone_name = text_field(lazy_gettext("Name"), MAX_TABLE_NAME_LENGTH)


class MoveForm(Form):
    """Move an item up or down in a list."""

    direction = SelectField(choices=choices(["up", "down"]))

    @property
    def steps(self) -> int:
        """The offset in the list: 1 is down, -1 is up."""
        return 1 if self.direction.data == "down" else -1


class WebhookForm(Form):
    """The address of the webhook."""

    url = text_field(lazy_gettext("Address"), delivery.LONGEST_ENDPOINT)

    def validate_url(self, field: Any) -> None:
        if not delivery.is_allowed(text_of(field), ("*",)):
            raise ValidationError(_("Please give an address that begins with https://, without a password or a “#”."))


class SwitchForm(Form):
    """Whether something is on that has a button of its own: notes, the question afterwards."""

    on = SelectField(choices=choices(["yes", "no"]))


class SecondsField(IntegerField):
    """A number of seconds."""

    problem = lazy_gettext("Please give a number of seconds.")

    def process_formdata(self, valuelist: list[str]) -> None:
        try:
            self.data = int(valuelist[0])
        except (ValueError, IndexError):
            self.data = None
            raise ValueError(str(self.problem)) from None


class DaysField(SecondsField):
    """A number of days."""

    problem = lazy_gettext("Please give a number of days.")


class KeepingForm(MergingForm):
    """For how many days calls are kept."""

    keep_calls_days = DaysField(lazy_gettext("Days"))

    def validate_keep_calls_days(self, field: Any) -> None:
        if field.data is not None and not MIN_KEEP_DAYS <= field.data <= KEEP_DAYS:
            raise ValidationError(_("From %(least)d to %(most)d days, please.", least=MIN_KEEP_DAYS, most=KEEP_DAYS))

    def values(self) -> Values:
        """The submitted value, as compared and stored."""
        return {"keep_calls_days": self.keep_calls_days.data}


class AttentionForm(MergingForm):
    """Times of the next steps in seconds, for waiting and for accepted requests."""

    nag = SecondsField()
    all_zones = SecondsField()
    alert = SecondsField()
    repeat = SecondsField()
    remind_taker = SecondsField()
    tell_colleagues = SecondsField()
    give_back = SecondsField()
    alert_mail = BooleanField(lazy_gettext("Also send a mail to owners and managers"))

    def validate_nag(self, field: Any) -> None:
        _in_range(field)

    def validate_all_zones(self, field: Any) -> None:
        _later_than(self.nag, field)

    def validate_alert(self, field: Any) -> None:
        _later_than(self.all_zones, field)
        _in_range(field)

    def validate_repeat(self, field: Any) -> None:
        _in_range(field)

    def validate_remind_taker(self, field: Any) -> None:
        _in_range(field)

    def validate_tell_colleagues(self, field: Any) -> None:
        _later_than(self.remind_taker, field)

    def validate_give_back(self, field: Any) -> None:
        _later_than(self.tell_colleagues, field)
        _in_range(field)

    def values(self) -> Values:
        """The submitted values, as compared and stored."""
        times = {name: self[name].data for name in Escalation._fields}
        return {**times, "alert_mail": bool(self.alert_mail.data)}

    def text_of(self, value: Any) -> str:
        return (_("on") if value else _("off")) if isinstance(value, bool) else str(value)


def _in_range(field: Any) -> None:
    # WTForms' NumberRange raises OverflowError for a number of hundreds of digits.
    if field.data is not None and field.data < MIN_SECONDS:
        raise ValidationError(_("At least %(number)d seconds, please.", number=MIN_SECONDS))
    if field.data is not None and field.data > MAX_SECONDS:
        raise ValidationError(_("At most %(number)d seconds, please.", number=MAX_SECONDS))


def _later_than(earlier: Any, field: Any) -> None:
    if isinstance(earlier.data, int) and isinstance(field.data, int) and field.data <= earlier.data:
        raise ValidationError(_("This must come after the step before it."))
