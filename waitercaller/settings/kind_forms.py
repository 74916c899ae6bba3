"""The form of a kind of request."""

from typing import Any, cast

from flask_babel import gettext as _
from flask_babel import lazy_gettext
from wtforms import RadioField, SelectMultipleField
from wtforms.validators import Optional, ValidationError

from waitercaller.model.languages import LANGUAGES, STAFF_LANGUAGES
from waitercaller.model.standard_kinds import SOUNDS
from waitercaller.settings.fields import ByLanguage, LinesByLanguage, MergingForm
from waitercaller.settings.merging import Values
from waitercaller.web.fields import choices as options
from waitercaller.web.fields import is_time, time_field
from waitercaller.web.forms import text_of

MAX_NAME_LENGTH = 40  # characters, on a guest's button
MAX_LABEL_LENGTH = 20  # on a card of the staff's screen
MAX_CHOICES = 6
ICONS = ("bell", "receipt", "glass", "cup", "bottle", "cutlery", "menu", "bag", "plate", "chair", "candle", "hand")


class KindForm(MergingForm):
    """A kind, in the languages of the restaurant; `main` is the first of them."""

    main = "en"
    names = ByLanguage(lazy_gettext("Words on the button"), MAX_NAME_LENGTH)
    labels = ByLanguage(lazy_gettext("Short word for the staff"), MAX_LABEL_LENGTH)
    choices = LinesByLanguage(lazy_gettext("Choices"), MAX_NAME_LENGTH)
    icon = RadioField(lazy_gettext("Picture"), choices=options(ICONS), validate_choice=False)
    # A page that was opened before the last upgrade does not send it.
    sound = RadioField(lazy_gettext("Sound"), choices=options(SOUNDS), validate_choice=False, validators=[Optional()])

    zones = SelectMultipleField(lazy_gettext("Only in these zones"), validate_choice=False)
    opens = time_field(lazy_gettext("From"), validators=[Optional(), is_time])
    closes = time_field(lazy_gettext("Until"), validators=[Optional(), is_time])

    def validate_zones(self, field: Any) -> None:
        if not {*(field.data or ())} <= {value for value, _name in field.choices or ()}:
            raise ValidationError(_("Please choose from the list."))

    def validate_opens(self, field: Any) -> None:
        _with(field, self.closes)

    def validate_closes(self, field: Any) -> None:
        _with(field, self.opens)
        if text_of(field) == text_of(self.opens):
            raise ValidationError(_("Please give two different times."))

    def validate_names(self, field: Any) -> None:
        if not (field.data or {}).get(self.main):
            field.set_error(self.main, _("Please fill this in."))
            raise ValidationError(_("Please fill this in."))

    def validate_choices(self, field: Any) -> None:
        lines = field.data or {}
        firsts = lines.get(self.main) or []
        if len(firsts) > MAX_CHOICES:
            field.set_error(self.main, _("At most %(number)d choices, please.", number=MAX_CHOICES))
        if len({line.casefold() for line in firsts}) < len(firsts):
            field.set_error(self.main, _("One of them is there twice."))
        for code, translated in lines.items():
            if translated and len(translated) != len(firsts):
                told = _("Please give as many lines as in %(language)s, or none.", language=LANGUAGES[self.main])
                field.set_error(code, told)
        if field.problems:
            raise ValidationError(_("Please look at what is marked and try again."))

    def validate_icon(self, field: Any) -> None:
        if field.data not in ICONS:
            raise ValidationError(_("Please choose a picture."))

    def validate_sound(self, field: Any) -> None:
        if field.data not in SOUNDS:
            raise ValidationError(_("Please choose a sound."))

    def values(self) -> Values:
        """The submitted values, as compared and stored."""
        return {
            "icon": self.icon.data,
            **({"sound": self.sound.data} if self.sound.data else {}),
            "names": self.names.data,
            "labels": {code: text for code, text in self.labels.data.items() if code in STAFF_LANGUAGES},
            "choices": _choices_of_lines(self.choices.data, self.main),
            "zones": self.zones.data or [],
            "hours": [text_of(self.opens), text_of(self.closes)] if text_of(self.opens) else [],
        }

    def data_of(self, values: Values) -> Values:
        """Field data; choices as lines per language, for languages that have all of them."""
        lines: Values = {code: [names.get(code, "") for names in values["choices"]] for code in LANGUAGES}
        opens, closes = values["hours"] or ("", "")
        shown = {name: value for name, value in values.items() if name != "hours"}
        choices = {code: texts for code, texts in lines.items() if all(texts)}
        return {**shown, "choices": choices, "opens": opens, "closes": closes}

    def set_error(self, name: str, sentence: str) -> None:
        field, _dash, language = name.partition("-")
        if name in ("icon", "sound", "zones", "hours"):
            self["opens" if name == "hours" else name].errors = [sentence]
        else:
            self[field].set_error(language or self.main, sentence)

    def text_of(self, value: Any) -> str:
        many = value if isinstance(value, list) else [value]
        zones = dict(cast(list[tuple[str, str]], self.zones.choices or []))
        return ", ".join(
            each.get(self.main, "") if isinstance(each, dict) else str(zones.get(each, each)) for each in many
        )


def _with(field: Any, other: Any) -> None:
    if text_of(field) and not text_of(other):
        raise ValidationError(_("Please give both times, or none."))


def _choices_of_lines(lines: dict[str, list[str]], main: str) -> list[dict[str, str]]:
    """The names of each choice by language, from the lines of each language."""
    return [
        {code: texts[number] for code, texts in lines.items() if number < len(texts)}
        for number in range(len(lines.get(main) or []))
    ]
