"""Many tables at once: into a zone, into another order, new codes, removed."""

from typing import Any

from bson import ObjectId
from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext, ngettext
from pymongo.client_session import ClientSession
from wtforms import SelectField, SelectMultipleField
from wtforms.validators import ValidationError

from waitercaller.db.client import transaction
from waitercaller.model import duty, joins, restaurants, table_lists, tables
from waitercaller.model.requests import transitions as requests
from waitercaller.model.tables import Table
from waitercaller.tables import blueprint
from waitercaller.web import access
from waitercaller.web.fields import MAX_TABLE_NAME_LENGTH
from waitercaller.web.forms import Form, refused, text_field, text_of

FIRST, BY_NAME = "first", "name"  # instead of the id of a table


class ManyForm(Form):
    """Which tables, and what happens to them; a zone stands for all tables in it."""

    chosen = SelectMultipleField(validate_choice=False)
    action = SelectField(validate_choice=False)
    zone = text_field(lazy_gettext("Zone"), MAX_TABLE_NAME_LENGTH, required=False)
    after = SelectField(lazy_gettext("Order"), validate_choice=False)

    def offer(self, present: list[Table]) -> None:
        """Set the choices of `after`."""
        self.after.choices = [
            (FIRST, _("to the beginning")),
            *((str(table["_id"]), _("after %(name)s", name=table["name"])) for table in present),
            (BY_NAME, _("all tables by name")),
        ]

    def validate_after(self, field: Any) -> None:
        if self.action.data == "order" and field.data not in {value for value, _label in field.choices}:
            raise ValidationError(_("Please choose one of the list."))

    def tables_of(self, present: list[Table]) -> list[Table]:
        """The chosen ones of those that are present."""
        chosen = set(self.chosen.data or ())
        return [each for each in present if {str(each["_id"]), f"zone-{each['zone_id']}", "all"} & chosen]


@blueprint.get("/many")
@access.least("manager")
def many(restaurant_id: ObjectId) -> ResponseReturnValue:
    """All tables with a box for each, and what can be done with those that are chosen."""
    present = tables.of_restaurant(restaurant_id)
    form = ManyForm()
    form.offer(present)
    return render_template("tables/many.html", form=form, **_context(present))


@blueprint.post("/many")
@access.least("manager")
def change_many(restaurant_id: ObjectId) -> ResponseReturnValue:
    """Do one thing with the chosen tables."""
    present = tables.of_restaurant(restaurant_id)
    form = ManyForm()
    form.offer(present)
    chosen = form.tables_of(present)
    by_name = form.action.data == "order" and form.after.data == BY_NAME
    valid = form.validate()
    if not chosen and not by_name:
        form.form_errors.append(_("Please choose at least one table."))
    elif valid and form.action.data in ACTIONS:
        try:
            said = ACTIONS[form.action.data](restaurant_id, [table["_id"] for table in chosen], form)
        except restaurants.TooManyZones:
            form.zone.errors = [_("A restaurant can have %(number)d zones at most.", number=restaurants.MAX_ZONES)]
        else:
            flash(said, "success")
            return redirect(url_for("tables.many", restaurant_id=restaurant_id), 303)
    else:
        form.form_errors.append(_("Please look at what is marked and try again."))
    return refused("tables/many.html", form, **_context(present))


def _into_zone(restaurant_id: ObjectId, chosen: list[ObjectId], form: ManyForm) -> str:
    count = table_lists.move(restaurant_id, chosen, restaurants.ensure_zone(restaurant_id, text_of(form.zone)))
    return str(ngettext("%(num)d table moved.", "%(num)d tables moved.", count))


def _into_order(restaurant_id: ObjectId, chosen: list[ObjectId], form: ManyForm) -> str:
    after = form.after.data
    if after == BY_NAME:
        table_lists.sort_by_name(restaurant_id)
    else:
        table_lists.put_after(restaurant_id, chosen, ObjectId(after) if ObjectId.is_valid(after) else None)
    return str(_("Saved."))


def _new_codes(restaurant_id: ObjectId, chosen: list[ObjectId], _form: ManyForm) -> str:
    count = table_lists.renew_codes(restaurant_id, chosen)
    said = ngettext(
        "%(num)d table has a new code. Print it and put it on the table.",
        "%(num)d tables have new codes. Print them and put them on the tables.",
        count,
    )
    return str(said)


def _gone(restaurant_id: ObjectId, chosen: list[ObjectId], _form: ManyForm) -> str:
    count = remove(restaurant_id, chosen)
    return str(ngettext("%(num)d table removed.", "%(num)d tables removed.", count))


ACTIONS = {"zone": _into_zone, "order": _into_order, "codes": _new_codes, "remove": _gone}


def remove(restaurant_id: ObjectId, table_ids: list[ObjectId]) -> int:
    """Remove tables and withdraw their live requests, in one transaction; returns how many were there."""

    def work(txn: ClientSession | None) -> int:
        removed = table_lists.remove(restaurant_id, table_ids, txn)
        for table_id in table_ids:  # one by one: each is found by its index
            requests.withdraw({"restaurant_id": restaurant_id, "table_id": table_id}, txn)
        duty.forget_tables(restaurant_id, table_ids, txn)
        joins.forget_tables(restaurant_id, table_ids, txn)
        return removed

    removed = transaction(work)
    table_lists.forget()
    restaurants.forget(restaurant_id)
    return removed


def _context(present: list[Table]) -> dict[str, Any]:
    """Template context: the zones, and the tables by zone."""
    restaurant = access.current_restaurant()
    return {"zones": restaurant["zones"], "groups": table_lists.by_zone(restaurant, present)}
