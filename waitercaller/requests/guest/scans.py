"""What a scan of a table's code tells: that it hangs and can be read; on a walk past all tables, also where."""

from flask import redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as BaseResponse

from waitercaller.model import openings, restaurants, walks
from waitercaller.model.restaurants import Restaurant
from waitercaller.model.tables import Table
from waitercaller.web import access


def note(table: Table, current: bool, restaurant: Restaurant) -> BaseResponse | None:
    """Note the day of this scan; who scans on a walk is led to the walk's page, everybody else gets None.

    Not if one of our own pages led here: then nobody has been at the table.
    """
    if request.headers.get("Sec-Fetch-Site") == "same-origin":
        return None
    if current:
        openings.note(table)
    if walks.since(restaurant) is None or "test" in request.args or not _is_manager(restaurant):
        return None
    old = None if current else 1
    page = url_for("tables.walk_code", restaurant_id=restaurant["_id"], table_id=table["_id"], old=old)
    return redirect(page, 303)


def _is_manager(restaurant: Restaurant) -> bool:
    """Whether this browser is logged in as a manager or an owner of the restaurant."""
    person = current_user.user if current_user.is_authenticated else None
    member = restaurants.member_of(restaurant, person["_id"]) if person else None
    return member is not None and access.at_least(member, "manager")
