"""The list of tables as CSV, out and in: first one sees what would change, then it is written."""

from bson import ObjectId
from flask import Response, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.exceptions import RequestEntityTooLarge

from waitercaller.model import restaurants, table_lists, tables
from waitercaller.model.table_lists import Entry
from waitercaller.tables import blueprint
from waitercaller.tables.csv_rows import Row, Unreadable, read, text_of
from waitercaller.web import access, sheet
from waitercaller.web.errors import error_page
from waitercaller.web.languages import current_language

MAX_SHOWN = 20  # problems and changes that a page lists


@blueprint.get("/tables.csv")
@access.least("manager")
def csv_list(restaurant_id: ObjectId) -> Response:
    """All tables with their zones, in their order."""
    zones = _zone_names()
    rows = [(table["name"], zones.get(table["zone_id"] or "", "")) for table in tables.of_restaurant(restaurant_id)]
    text = sheet.BEGIN + sheet.to_csv([(_("Name"), _("Zone")), *rows], current_language())
    response = Response(text, mimetype="text/csv")
    response.headers.set("Content-Disposition", "attachment", filename="tables.csv")
    return response


@blueprint.get("/import")
@access.least("manager")
def csv_form(restaurant_id: ObjectId) -> ResponseReturnValue:
    """Choose a list to take over."""
    return render_template("tables/import.html", max_tables=tables.MAX_TABLES)


@blueprint.post("/import")
@access.least("manager")
def csv_import(restaurant_id: ObjectId) -> ResponseReturnValue:
    """A file is shown with what it would change; the text of that page is written."""
    file, text = request.files.get("file"), request.form.get("rows")
    if file is None and text is None:
        abort(400)
    try:
        rows = read(file.stream.read() if file is not None else (text or "").encode())
        _check(restaurant_id, rows)
        if file is not None:
            return render_template("tables/import.html", **_preview(restaurant_id, rows))
        table_lists.take_over(restaurant_id, _entries(restaurant_id, rows))
    except Unreadable as error:
        more = len(error.problems) - MAX_SHOWN
        shown = error.problems[:MAX_SHOWN]
        page = render_template("tables/import.html", problems=shown, more=max(0, more), max_tables=tables.MAX_TABLES)
        return page, 400
    except tables.NamesTaken as error:
        taken = _("There is already: %(names)s.", names=", ".join(error.names))
        return render_template("tables/import.html", problems=[taken], more=0, max_tables=tables.MAX_TABLES), 409
    flash(_("The list was taken over."), "success")
    return redirect(url_for("tables.index", restaurant_id=restaurant_id), 303)


@blueprint.errorhandler(RequestEntityTooLarge)
def too_large(_error: RequestEntityTooLarge) -> ResponseReturnValue:
    """A list of a million rows is not even read."""
    return error_page(
        413, _("This list is too long. A restaurant can have %(number)d tables at most.", number=tables.MAX_TABLES)
    )


def _check(restaurant_id: ObjectId, rows: list[Row]) -> None:
    """Raise Unreadable if the restaurant would have too many tables or zones."""
    present = {table["name_key"] for table in tables.of_restaurant(restaurant_id)}
    if len(present | {tables.name_key(row.name) for row in rows}) > tables.MAX_TABLES:
        raise Unreadable(_("A restaurant can have %(number)d tables at most.", number=tables.MAX_TABLES))
    known = {zone["key"] for zone in access.current_restaurant()["zones"]}
    if len(known | {row.zone.casefold() for row in rows if row.zone}) > restaurants.MAX_ZONES:
        raise Unreadable(_("A restaurant can have %(number)d zones at most.", number=restaurants.MAX_ZONES))


def _preview(restaurant_id: ObjectId, rows: list[Row]) -> dict[str, object]:
    """Template context of what the rows would change."""
    zones, present = _zone_names(), {table["name_key"]: table for table in tables.of_restaurant(restaurant_id)}
    new, moved = [], []
    for row in rows:
        table = present.get(tables.name_key(row.name))
        if table is None:
            new.append(row)
        elif zones.get(table["zone_id"] or "", "").casefold() != row.zone.casefold():
            moved.append(row)
    return {
        "rows": text_of(rows),
        "count": len(rows),
        "new": new,
        "moved": moved,
        "others": len(present.keys() - {tables.name_key(row.name) for row in rows}),
        "max_shown": MAX_SHOWN,
    }


def _entries(restaurant_id: ObjectId, rows: list[Row]) -> list[Entry]:
    """The rows with the ids of their zones; of one that is new, once."""
    ids: dict[str, str | None] = {zone["key"]: zone["id"] for zone in access.current_restaurant()["zones"]}
    for key, name in {row.zone.casefold(): row.zone for row in rows}.items():
        if key not in ids:
            ids[key] = restaurants.ensure_zone(restaurant_id, name)
    return [Entry(row.name, ids[row.zone.casefold()]) for row in rows]


def _zone_names() -> dict[str, str]:
    return {zone["id"]: zone["name"] for zone in access.current_restaurant()["zones"]}
