"""The walk past all tables: each code is scanned once with a phone's own camera, and is ticked off.

A scan opens the table's page, which leads a manager here while there is a walk (`requests/guest/scans`).
"""

from typing import Any

from bson import ObjectId
from flask import abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from waitercaller.model import settings, table_lists, tables, walks
from waitercaller.model.languages import table_title
from waitercaller.model.tables import Table
from waitercaller.tables import blueprint
from waitercaller.web import access
from waitercaller.web.forms import ButtonForm


@blueprint.get("/walk")
@access.least("manager")
def walk(restaurant_id: ObjectId) -> ResponseReturnValue:
    """What is left to scan, and which codes are at a wrong table; `?last=` names the table that was just ticked off."""
    restaurant, present = settings.get(restaurant_id), tables.of_restaurant(restaurant_id)
    began = walks.since(restaurant)
    found = walks.found(present, began) if began else {}
    left = [table for table in present if table["_id"] not in found]
    right = {table_id for table_id, at_table_id in found.items() if at_table_id == table_id}
    return render_template(
        "tables/walk.html",
        is_open=began is not None,
        groups=table_lists.by_zone(restaurant, left),
        done=len(right),
        all=len(present),
        wrong=_wrong(present, found),
        last=next((table["name"] for table in present if str(table["_id"]) == request.args.get("last")), None),
        is_last_right=request.args.get("last") in {str(each) for each in right},
    )


@blueprint.post("/walk")
@access.least("manager")
def begin_walk(restaurant_id: ObjectId) -> ResponseReturnValue:
    """Begin the walk."""
    if not ButtonForm().validate():
        abort(400)
    walks.begin(restaurant_id)
    return _to_walk(restaurant_id)


@blueprint.post("/walk/end")
@access.least("manager")
def end_walk(restaurant_id: ObjectId) -> ResponseReturnValue:
    """End the walk: from now on a manager who scans a code sees what a guest sees."""
    if not ButtonForm().validate():
        abort(400)
    walks.end(restaurant_id)
    return redirect(url_for("tables.index", restaurant_id=restaurant_id), 303)


@blueprint.get("/walk/<objectid:table_id>")
@access.least("manager")
def walk_code(restaurant_id: ObjectId, table_id: ObjectId) -> ResponseReturnValue:
    """A code was scanned: is it at its table? `?old=` says that it has been replaced."""
    return _ask(restaurant_id, tables.get(restaurant_id, table_id) or abort(404))


@blueprint.post("/walk/<objectid:table_id>")
@access.least("manager")
def note_code(restaurant_id: ObjectId, table_id: ObjectId) -> ResponseReturnValue:
    """It is at the table that the form names."""
    table = tables.get(restaurant_id, table_id) or abort(404)
    if walks.since(settings.get(restaurant_id)) is None:
        return _to_walk(restaurant_id)
    at = request.form.get("at", "")
    if not ObjectId.is_valid(at) or tables.get(restaurant_id, ObjectId(at)) is None:
        return _ask(restaurant_id, table, _("Please choose the table at which it is.")), 400
    walks.note(restaurant_id, table_id, ObjectId(at))
    return _to_walk(restaurant_id, last=table_id)


def _ask(restaurant_id: ObjectId, table: Table, problem: str = "") -> str:
    """The page of one code, with all tables for "no"."""
    restaurant, present = access.current_restaurant(), tables.of_restaurant(restaurant_id)
    zone = next((zone["name"] for zone in restaurant["zones"] if zone["id"] == table["zone_id"]), "")
    return render_template(
        "tables/walk_code.html",
        table=table,
        zone=zone,
        groups=table_lists.by_zone(restaurant, [each for each in present if each["_id"] != table["_id"]]),
        is_old="old" in request.args,
        problem=problem,
    )


def _wrong(present: list[Table], found: dict[ObjectId, ObjectId]) -> list[dict[str, str]]:
    """The codes at another table, and what to do; two that are at each other's table are one line."""
    title = {table["_id"]: table_title(table["name"]) for table in present}
    lines = []
    for table_id in [each for each in title if found.get(each, each) != each]:
        at = found.get(table_id, table_id)
        names = {"one": title[table_id], "other": title.get(at, "–")}
        if found.get(at) != table_id:
            what = _("The code of %(one)s is at %(other)s.", **names)
            act = _("Take it to %(one)s, put the right code at %(other)s, and scan both again.", **names)
        elif table_id < at:
            what = _("The codes of %(one)s and %(other)s are swapped.", **names)
            act = _("Exchange the two, and scan both again.")
        else:
            continue  # the other one of the two
        lines.append({"what": what, "act": act})
    return lines


def _to_walk(restaurant_id: ObjectId, **shown: Any) -> ResponseReturnValue:
    return redirect(url_for("tables.walk", restaurant_id=restaurant_id, **shown), 303)
