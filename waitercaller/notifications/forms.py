"""The forms of the page of notifications."""

from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, RadioField, SelectMultipleField, StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # newer than its stubs
from wtforms.validators import Length, ValidationError

from waitercaller.db.config import config
from waitercaller.model.restaurants import Zone
from waitercaller.outgoing import delivery
from waitercaller.push import encryption
from waitercaller.web.forms import Form, text_checks, text_of

CHOICES = [
    SelectChoice("all", _l("All calls in my zones")),
    SelectChoice("escalated", _l("Only calls that nobody answers")),
    SelectChoice("none", _l("Nothing")),
]


class ChoiceForm(Form):
    """What a browser is to be told."""

    choice = RadioField(_l("What to tell"), choices=CHOICES)


class SubscribeForm(ChoiceForm):
    """A browser that asks to be told, with where it is reached and the keys that it made."""

    endpoint = StringField(validators=text_checks(delivery.LONGEST_ENDPOINT))
    p256dh = StringField(validators=[Length(max=100)])
    auth = StringField(validators=[Length(max=40)])
    renewed = BooleanField()  # by itself, after a new login or with a new address: what was chosen before stands

    def validate_endpoint(self, field: StringField) -> None:
        """Only a push service that the operator allows."""
        if not delivery.is_allowed(text_of(field), config().push_services):
            raise ValidationError(_l("The push service of this browser is not allowed here."))

    def validate_p256dh(self, field: StringField) -> None:
        """A message must be able to be sealed for it."""
        if not encryption.are_keys(text_of(field), text_of(self.auth)):
            raise ValidationError(_l("This browser’s keys cannot be read."))


class ZonesForm(Form):
    """The zones of a member."""

    zones = SelectMultipleField(_l("My zones"))

    def __init__(self, zones: list[Zone]) -> None:
        super().__init__()
        self.zones.choices = [SelectChoice(zone["id"], zone["name"]) for zone in zones]
