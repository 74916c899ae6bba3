"""Tables joined for tonight: which call as one, joining some, and separating them. See model/joins."""

from collections.abc import Collection
from typing import Any

from bson import ObjectId
from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pymongo.client_session import ClientSession

from waitercaller.db import clock
from waitercaller.db.client import transaction
from waitercaller.model import duty, joins, restaurants, settings, tables
from waitercaller.model.joins import JoinedAlready
from waitercaller.model.languages import table_title
from waitercaller.model.requests import transitions
from waitercaller.model.restaurants import Restaurant
from waitercaller.model.tables import Table
from waitercaller.staff import blueprint, duty_page
from waitercaller.web import access, audit

HOME = "/r/<objectid:restaurant_id>/joined"


@blueprint.get(HOME, endpoint="joined")
@access.least("waiter", devices=True)
def show_joined(restaurant_id: ObjectId) -> ResponseReturnValue:
    """The groups of tonight, and the other tables to join some; `?table=` is ticked."""
    return _page(restaurant_id, request.args.getlist("table"))


@blueprint.post(HOME)
@access.least("waiter", devices=True)
def join_tables(restaurant_id: ObjectId) -> ResponseReturnValue:
    """Join the ticked tables until the day turns; what is live there is shown as theirs."""
    ticked = set(request.form.getlist("tables"))
    found = [table for table in tables.of_restaurant(restaurant_id) if str(table["_id"]) in ticked]
    if len(found) < len(ticked):
        return _page(restaurant_id, ticked, _("One of these tables has been removed. Please choose again.")), 400
    if not joins.MIN_TABLES <= len(found) <= joins.MAX_TABLES:
        words = _("Please choose %(least)d to %(most)d tables.", least=joins.MIN_TABLES, most=joins.MAX_TABLES)
        return _page(restaurant_id, ticked, words), 400
    ids, restaurant, called_as = [table["_id"] for table in found], access.current_restaurant(), joins.named(found)

    def work(txn: ClientSession | None) -> None:
        joins.join(restaurant_id, ids, txn)
        transitions.show_at(restaurant, ids, called_as, txn)

    try:
        transaction(work)
    except JoinedAlready as error:
        names = ", ".join(table_title(table["name"]) for table in found if table["_id"] in error.table_ids)
        words = _("%(tables)s: joined already. Separate that first.", tables=names)
        return _page(restaurant_id, ticked, words), 409
    restaurants.forget(restaurant_id)
    audit.record_limited("tables_joined", restaurant_id=restaurant_id, name=called_as["name"])
    flash(_("%(tables)s: they call as one now.", tables=table_title(called_as["name"])), "success")
    return _to_page(restaurant_id)


@blueprint.post(f"{HOME}/<objectid:table_id>/separate")
@access.least("waiter", devices=True)
def separate_tables(restaurant_id: ObjectId, table_id: ObjectId) -> ResponseReturnValue:
    """Separate the tables that are joined with this one; what they called for together stays with the first."""
    restaurant = access.current_restaurant()
    if tables.get(restaurant_id, table_id) is None:
        abort(404)

    def work(txn: ClientSession | None) -> list[Table]:
        group = tables.with_ids(restaurant_id, joins.separate(restaurant_id, table_id, txn))
        for table in group[1:]:
            transitions.show_at(restaurant, [table["_id"]], table, txn)
        return group

    group = transaction(work)
    restaurants.forget(restaurant_id)
    if group:
        name = joins.named(group)["name"]
        audit.record_limited("tables_separated", restaurant_id=restaurant_id, name=name)
        flash(_("%(tables)s: each calls for itself again.", tables=table_title(name)), "success")
    else:
        flash(_("These tables are separated already."), "warning")
    return _to_page(restaurant_id)


def _page(restaurant_id: ObjectId, ticked: Collection[str], problem: str = "") -> str:
    restaurant, found, now = settings.get(restaurant_id), tables.of_restaurant(restaurant_id), clock.now()
    by_id, groups = {table["_id"]: table for table in found}, []
    for each in joins.groups(restaurant, now):
        if group := [by_id.pop(table_id) for table_id in each["tables"] if table_id in by_id]:
            until = duty_page.clock_time(restaurant, each["until"])
            groups.append({"id": group[0]["_id"], "name": joins.named(group)["name"], "until": until})
    return render_template(
        "staff/joined.html",
        groups=groups,
        places=_places(restaurant, list(by_id.values()), ticked),
        free=len(by_id),
        until=duty_page.clock_time(restaurant, duty.ends_at(restaurant, now)),
        problem=problem,
        least=joins.MIN_TABLES,
        most=joins.MAX_TABLES,
    )


def _places(restaurant: Restaurant, free: list[Table], ticked: Collection[str]) -> list[dict[str, Any]]:
    """The zones, and at last what is in none, with those of these tables that are there, to be ticked."""
    zones: list[tuple[str | None, str]] = [(zone["id"], zone["name"]) for zone in restaurant["zones"]]
    places = [
        {
            "name": name,
            "tables": [
                {"id": str(table["_id"]), "name": table["name"], "ticked": str(table["_id"]) in ticked}
                for table in free
                if table["zone_id"] == zone_id
            ],
        }
        for zone_id, name in [*zones, (None, "")]
    ]
    return [place for place in places if place["tables"]]


def _to_page(restaurant_id: ObjectId) -> ResponseReturnValue:
    return redirect(url_for("staff.joined", restaurant_id=restaurant_id), 303)
