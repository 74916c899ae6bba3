"""The tables in the order in which they stand: one is moved at a time, by dragging or with buttons."""

import re
from typing import cast

from bson import ObjectId
from flask import abort, flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from waitercaller.model import table_lists, tables
from waitercaller.model.languages import table_title
from waitercaller.model.table_lists import Side
from waitercaller.model.tables import Table
from waitercaller.tables import blueprint
from waitercaller.web import access
from waitercaller.web.errors import wants_json

MOVE = re.compile("([0-9a-f]{24}) (before|after) ([0-9a-f]{24})")


@blueprint.get("/order")
@access.least("manager")
def order(restaurant_id: ObjectId) -> ResponseReturnValue:
    """The tables of each zone, to be moved; `?moved=` and `?side=` name the button that was just used."""
    return _page(tables.of_restaurant(restaurant_id))


@blueprint.post("/order")
@access.least("manager")
def put(restaurant_id: ObjectId) -> ResponseReturnValue:
    """Put one table before or after another one: for a script where it stands now, otherwise the page."""
    move = MOVE.fullmatch(request.form.get("move", "")) or abort(400)
    table_id, side, other_id = ObjectId(move[1]), cast(Side, move[2]), ObjectId(move[3])
    try:
        laid = table_lists.put_one(restaurant_id, table_id, side, other_id, request.form.get("seen", ""))
    except table_lists.OrderChanged:
        said = _("Somebody has changed the tables meanwhile. This is how they stand now; nothing was moved.")
        if wants_json():
            flash(said, "warning")  # for the page, which the script loads again
            return jsonify(message=said), 409
        return _page(tables.of_restaurant(restaurant_id), said), 409
    if wants_json():
        return jsonify(seen=table_lists.order_of(laid), message=_place(laid, table_id))
    shown = url_for("tables.order", restaurant_id=restaurant_id, moved=table_id, side=side, _anchor=f"t-{table_id}")
    return redirect(shown, 303)


def _place(laid: list[Table], table_id: ObjectId) -> str:
    """Where a table stands now, in words."""
    groups = table_lists.by_zone(access.current_restaurant(), laid)
    ids, name = next(
        ([each["_id"] for each in group], table["name"])
        for _zone, group in groups
        for table in group
        if table["_id"] == table_id
    )
    return str(
        _(
            "%(table)s is now number %(place)d of %(all)d.",
            table=table_title(name),
            place=ids.index(table_id) + 1,
            all=len(ids),
        )
    )


def _page(present: list[Table], problem: str = "") -> str:
    return render_template(
        "tables/order.html",
        groups=table_lists.by_zone(access.current_restaurant(), present),
        seen=table_lists.order_of(present),
        problem=problem,
        moved=request.args.get("moved"),
        side=request.args.get("side"),
    )
