"""The pages of tables: add, edit, renew the code, remove. For managers and owners."""

import io
from typing import Any

from bson import ObjectId
from flask import abort, flash, redirect, render_template, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import format_datetime, ngettext
from flask_babel import gettext as _

from waitercaller.db.config import config
from waitercaller.model import buttons, openings, restaurants, table_lists, tables
from waitercaller.model.languages import in_language
from waitercaller.model.standard_kinds import in_order
from waitercaller.model.tables import Table
from waitercaller.tables import blueprint, many_views, qr
from waitercaller.tables.forms import AddTablesForm, EditTableForm
from waitercaller.web import access
from waitercaller.web.forms import refused, text_of
from waitercaller.web.languages import current_language
from waitercaller.web.routing import address_of

MAX_NAMED = 12  # tables that a sentence lists


@blueprint.get("")
@access.least("manager")
def index(restaurant_id: ObjectId) -> ResponseReturnValue:
    """The list of tables and the form to add some."""
    return render_template("tables/index.html", form=AddTablesForm(), **_list_context(restaurant_id))


@blueprint.post("")
@access.least("manager")
def add(restaurant_id: ObjectId) -> ResponseReturnValue:
    """Add one table or many."""
    form = AddTablesForm()
    if form.validate_on_submit():
        try:
            _add(restaurant_id, form.expanded_names, text_of(form.zone))
        except tables.NamesTaken as error:
            form.names.errors = [_("There is already: %(names)s.", names=", ".join(error.names))]
        except tables.TooManyTables:
            form.names.errors = [_("A restaurant can have %(number)d tables at most.", number=tables.MAX_TABLES)]
        except restaurants.TooManyZones:
            form.zone.errors = [_too_many_zones()]
        else:
            count = len(form.expanded_names)
            flash(ngettext("%(num)d table added.", "%(num)d tables added.", count), "success")
            return _to_index(restaurant_id)
    return refused("tables/index.html", form, **_list_context(restaurant_id))


@blueprint.route("/<objectid:table_id>", methods=["GET", "POST"])
@access.least("manager")
def edit(restaurant_id: ObjectId, table_id: ObjectId) -> ResponseReturnValue:
    """One table: its name, its zone and its code."""
    table = _table_or_404(restaurant_id, table_id)
    form = EditTableForm()
    if not form.is_submitted():
        form = EditTableForm(name=table["name"], zone=_zone_name(table))
        return render_template("tables/edit.html", form=form, **_edit_context(table))
    if form.validate():
        try:
            name = text_of(form.name)
            tables.check_names_free(restaurant_id, [name], except_id=table_id)
            zone_id = restaurants.ensure_zone(restaurant_id, text_of(form.zone))
            found = tables.edit(restaurant_id, table_id, name, zone_id)
        except tables.NamesTaken:
            form.name.errors = [_("Another table has this name.")]
        except restaurants.TooManyZones:
            form.zone.errors = [_too_many_zones()]
        else:
            if not found:
                abort(404)
            flash(_("Saved."), "success")
            return _to_index(restaurant_id)
    return refused("tables/edit.html", form, **_edit_context(table))


@blueprint.post("/<objectid:table_id>/code")
@access.least("manager")
def rotate(restaurant_id: ObjectId, table_id: ObjectId) -> ResponseReturnValue:
    """Replace the code of a table."""
    if not tables.rotate(restaurant_id, table_id):
        abort(404)
    flash(_("The table has a new code. Print its card and put it on the table."), "success")
    return redirect(url_for("tables.edit", restaurant_id=restaurant_id, table_id=table_id), 303)


@blueprint.post("/<objectid:table_id>/button")
@access.least("manager")
def renew_button(restaurant_id: ObjectId, table_id: ObjectId) -> ResponseReturnValue:
    """Make an address for the button of a table, or a new one."""
    if not buttons.renew(restaurant_id, table_id):
        abort(404)
    flash(_("The button has a new address. Put it into the button."), "success")
    return redirect(url_for("tables.edit", restaurant_id=restaurant_id, table_id=table_id, _anchor="button"), 303)


@blueprint.post("/<objectid:table_id>/button/remove")
@access.least("manager")
def remove_button(restaurant_id: ObjectId, table_id: ObjectId) -> ResponseReturnValue:
    """Let the button of a table call nobody any more."""
    if not buttons.remove(restaurant_id, table_id):
        abort(404)
    flash(_("The button’s address is good for nothing any more."), "success")
    return redirect(url_for("tables.edit", restaurant_id=restaurant_id, table_id=table_id), 303)


@blueprint.post("/<objectid:table_id>/remove")
@access.least("manager")
def remove(restaurant_id: ObjectId, table_id: ObjectId) -> ResponseReturnValue:
    """Remove a table and withdraw its live requests, in one transaction."""
    table = _table_or_404(restaurant_id, table_id)
    if not many_views.remove(restaurant_id, [table_id]):
        abort(404)
    flash(_("“%(name)s” was removed.", name=table["name"]), "success")
    return _to_index(restaurant_id)


@blueprint.get("/<objectid:table_id>/qr.svg")
@access.least("manager")
def qr_svg(restaurant_id: ObjectId, table_id: ObjectId) -> ResponseReturnValue:
    """The QR code of a table as SVG."""
    table = _table_or_404(restaurant_id, table_id)
    image = qr.svg(_address(table)).encode()
    return send_file(io.BytesIO(image), "image/svg+xml", download_name=qr.file_name(table["name"], "svg"))


@blueprint.get("/<objectid:table_id>/qr.png")
@access.least("manager")
def qr_png(restaurant_id: ObjectId, table_id: ObjectId) -> ResponseReturnValue:
    """The QR code of a table as PNG, to download."""
    table = _table_or_404(restaurant_id, table_id)
    image = io.BytesIO(qr.png(_address(table)))
    name = qr.file_name(table["name"], "png")
    return send_file(image, "image/png", as_attachment=True, download_name=name)


def _add(restaurant_id: ObjectId, names: list[str], zone: str) -> None:
    # Checked before the zone is created, so that a refused form creates none.
    tables.check_names_free(restaurant_id, names)
    tables.check_limit(restaurant_id, len(names))
    tables.add_many(restaurant_id, names, restaurants.ensure_zone(restaurant_id, zone))


def _too_many_zones() -> str:
    return str(_("A restaurant can have %(number)d zones at most.", number=restaurants.MAX_ZONES))


def _list_context(restaurant_id: ObjectId) -> dict[str, Any]:
    """Template context of the list."""
    restaurant, laid = access.current_restaurant(), tables.of_restaurant(restaurant_id)
    quiet = openings.quiet(laid)
    return {
        "tables": laid,
        "groups": table_lists.by_zone(restaurant, laid),
        "silent": {table["_id"] for table in laid if buttons.is_silent(table)},
        "quiet": [table["name"] for table in laid if table["_id"] in quiet],
        "max_named": MAX_NAMED,
        "zones": restaurant["zones"],
    }


def _edit_context(table: Table) -> dict[str, Any]:
    """Template context of one table: what it is, and about its button."""
    restaurant = access.current_restaurant()
    context = {"table": table, "zones": restaurant["zones"]}
    if "button" not in table:
        return context
    heard_at = table["button"].get("heard_at")
    there = heard_at.astimezone(restaurants.time_zone(restaurant)) if heard_at else None
    offered, language = in_order(restaurant["kinds"]), current_language()
    return {
        **context,
        "button_address": address_of("requests.button.press", secret=table["button"]["secret"]),
        "heard_at": format_datetime(there, "short", rebase=False) if there else "",
        "is_silent": buttons.is_silent(table),
        "presses": [in_language(kind["names"], language) for kind in (offered[0], offered[min(1, len(offered) - 1)])],
    }


def _zone_name(table: Table) -> str:
    zones = access.current_restaurant()["zones"]
    return next((str(zone["name"]) for zone in zones if zone["id"] == table["zone_id"]), "")


def _address(table: Table) -> str:
    return qr.address(config().public_url, table["code"])


def _table_or_404(restaurant_id: ObjectId, table_id: ObjectId) -> Table:
    return tables.get(restaurant_id, table_id) or abort(404)


def _to_index(restaurant_id: ObjectId) -> ResponseReturnValue:
    return redirect(url_for("tables.index", restaurant_id=restaurant_id), 303)
