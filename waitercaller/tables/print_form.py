"""The form of what to print. It acts on nothing, so its values stand in the address and it needs no token."""

from typing import Any

from flask import request
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from wtforms import IntegerField, SelectField
from wtforms.validators import Optional, ValidationError

from waitercaller.model.languages import LANGUAGES
from waitercaller.model.restaurants import Restaurant
from waitercaller.model.tables import Table
from waitercaller.tables.print_formats import FORMATS, Format
from waitercaller.web.forms import Form

ALL = "all"
NO_LANGUAGE = "none"
MOST_USED = 29


class PrintForm(Form):
    """Which format, which tables, in which languages."""

    class Meta(Form.Meta):
        csrf = False

        def wrap_formdata(self, form: Any, formdata: Any) -> Any:
            return request.args if "format" in request.args else None

    format = SelectField(lazy_gettext("Format"), validate_choice=False)
    tables = SelectField(lazy_gettext("Tables"), validate_choice=False)
    first = SelectField(lazy_gettext("Language"), validate_choice=False)
    second = SelectField(lazy_gettext("Second language"), validate_choice=False)
    used = IntegerField(
        lazy_gettext("Labels already used"),
        default=0,
        validators=[Optional()],
        render_kw={"min": 0, "max": MOST_USED},
    )

    def offer(self, restaurant: Restaurant, present: list[Table]) -> None:
        """Set the choices."""
        zones = {zone["id"]: zone["name"] for zone in restaurant["zones"]}
        used = {table["zone_id"] for table in present}
        offered = [(code, LANGUAGES[code]) for code in restaurant["languages"] if code in LANGUAGES]
        self.format.choices = {
            paper: [(each.id, f"{title(each)} · {paper}") for each in FORMATS.values() if each.paper.name == paper]
            for paper in dict.fromkeys(each.paper.name for each in FORMATS.values())
        }
        self.tables.choices = {
            _("Many"): [
                (ALL, _("All tables")),
                *((f"zone-{zone_id}", name) for zone_id, name in zones.items() if zone_id in used),
            ],
            _("One table"): [(str(table["_id"]), table["name"]) for table in present],
        }
        self.first.choices = offered or [("en", LANGUAGES["en"])]
        self.second.choices = [(NO_LANGUAGE, _("none")), *self.first.choices]

    def wants(self, table: Table) -> bool:
        """Whether this table is chosen."""
        return self.tables.data in (ALL, str(table["_id"]), f"zone-{table['zone_id']}")

    def used_places(self, chosen: Format) -> int:
        """How many places of the first sheet are gone: only labels are taken off one by one."""
        return min(self.used.data or 0, chosen.places - 1) if chosen.kind == "label" else 0

    def validate_format(self, field: Any) -> None:
        _one_of(field)

    def validate_tables(self, field: Any) -> None:
        _one_of(field)

    def validate_first(self, field: Any) -> None:
        _one_of(field)

    def validate_second(self, field: Any) -> None:
        _one_of(field)

    def validate_used(self, field: Any) -> None:
        # WTForms' NumberRange raises OverflowError for a number of hundreds of digits.
        if field.data is not None and not 0 <= field.data <= MOST_USED:
            raise ValidationError(_("Please give a number from 0 to 29."))


def usual_languages(restaurant: Restaurant) -> tuple[str, str]:
    """The languages of the line at first: the restaurant's own, and English if it is offered."""
    first = next((code for code in restaurant["languages"] if code in LANGUAGES), "en")
    return first, "en" if first != "en" and "en" in restaurant["languages"] else NO_LANGUAGE


def title(form: Format) -> str:
    """The format in words."""
    if form.kind == "tent":
        return str(_("Tents to fold, %(number)d a sheet", number=form.places))
    if form.kind == "card":
        return str(_("Cards, %(number)d a sheet", number=form.places))
    size = {"grid": f"{form.columns} × {form.rows}", "product": f"Avery {form.product}"}
    if form.height < 30:
        return str(_("Labels %(grid)s, such as %(product)s (small: codes of 2 cm)", **size))
    return str(_("Labels %(grid)s, such as %(product)s", **size))


def _one_of(field: Any) -> None:
    offered = field.choices.values() if isinstance(field.choices, dict) else [field.choices]
    if field.data not in {value for options in offered for value, _label in options}:
        raise ValidationError(_("Please choose one of the list."))
