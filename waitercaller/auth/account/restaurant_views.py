"""The restaurants of one person: all at a glance, one more, and closing one."""

from datetime import datetime
from typing import Any

from bson import ObjectId
from flask import abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pymongo.client_session import ClientSession

from waitercaller.auth.account import blueprint, leaving
from waitercaller.auth.account.forms import RestaurantForm, deletion_form
from waitercaller.auth.account.leaving import Membership
from waitercaller.db import clock
from waitercaller.db.client import transaction
from waitercaller.model import duty, first_call, opening, restaurants, tenancy, time_zones
from waitercaller.model.languages import alphabetical
from waitercaller.model.requests import queries
from waitercaller.web import access, audit, limits, registration
from waitercaller.web.errors import DomainError
from waitercaller.web.forms import refused, text_of
from waitercaller.web.languages import current_language


@blueprint.get("/restaurants", endpoint="restaurants")
@access.person
def show_restaurants() -> ResponseReturnValue:
    """All restaurants of this person: who waits, how long, and who is on duty."""
    now = clock.now()
    rows = [_row(each, now) for each in leaving.memberships_of(access.current_person()["_id"])]
    return render_template("auth/account/restaurants.html", rows=rows, may_add=registration.state() != "closed")


@blueprint.route("/restaurants/new", methods=["GET", "POST"])
@access.person
def add_restaurant() -> ResponseReturnValue:
    """One more restaurant, of which this person is the owner; not while registration is closed."""
    _refuse_if_closed()
    form = RestaurantForm()
    if not form.is_submitted():
        return render_template("auth/account/add_restaurant.html", form=form)
    if not form.validate():
        return refused("auth/account/add_restaurant.html", form)
    person, language = access.current_person(), current_language()
    limits.check("restaurants", str(person["_id"]))
    name, time_zone = text_of(form.restaurant), time_zones.known(text_of(form.time_zone))

    def work(txn: ClientSession | None) -> ObjectId:
        state = _refuse_if_closed(txn)
        restaurant_id = restaurants.create(name, person["_id"], person["name"], language, txn, time_zone=time_zone)
        if state == "first":
            tenancy.mark_as_first(restaurant_id, txn)
        first_call.begin(restaurant_id, txn)
        return restaurant_id

    try:
        restaurant_id = transaction(work)
    except tenancy.NotTheFirstError:
        raise _closed() from None
    audit.record("restaurant_added", user_id=person["_id"], restaurant_id=restaurant_id)
    return redirect(url_for("requests.dashboard.first_call", restaurant_id=restaurant_id), 303)


@blueprint.route("/r/<objectid:restaurant_id>/close", methods=["GET", "POST"])
@access.least("owner")
@access.sensitive
def close_restaurant(restaurant_id: ObjectId) -> ResponseReturnValue:
    """Close a restaurant for good; only its only owner can, by typing its name."""
    person = access.current_person()
    memberships = leaving.memberships_of(person["_id"])
    membership = next((each for each in memberships if each["restaurant"]["_id"] == restaurant_id), None) or abort(404)
    form = deletion_form([membership["restaurant"]])
    if not form.is_submitted():
        return render_template("auth/account/close_restaurant.html", form=form, membership=membership)
    if not membership["will_be_closed"] or not form.validate():
        return refused("auth/account/close_restaurant.html", form, membership=membership)
    try:
        leaving.close_restaurant(membership)
    except leaving.OwnershipChanged:
        flash(_("Who owns a restaurant has just changed. Please read again what would happen."), "warning")
        return redirect(url_for("account.close_restaurant", restaurant_id=restaurant_id), 303)
    audit.record("restaurant_closed", user_id=person["_id"])
    flash(_("“%(name)s” is closed.", name=membership["restaurant"]["name"]), "success")
    return redirect(url_for("account.restaurants"), 303)


def _refuse_if_closed(txn: ClientSession | None = None) -> registration.State:
    """Raise DomainError (403) where no restaurant may be registered: a member of another one's team is no exception."""
    state = registration.state(txn)
    if state == "closed":
        raise _closed()
    return state


def _closed() -> DomainError:
    message = _("New restaurants join by invitation of whoever runs this site.")
    return DomainError(message, 403, title=_("By invitation only"))


def _row(membership: Membership, now: datetime) -> dict[str, Any]:
    """`tables` that wait; `oldest_ms`: age of the oldest call; `on_duty`: names, None where duty is not used."""
    restaurant = membership["restaurant"]
    live = queries.live_of_restaurant(restaurant["_id"])
    waiting = [each for each in live if each["state"] == "waiting" and "rehearsal" not in each]
    present = {each["member_id"] for each in duty.entries(restaurant, now)}
    names = [member["name"] for member in restaurant["members"] if member["id"] in present]
    oldest = min((each["first_at"] for each in waiting), default=now)
    return {
        **membership,
        "tables": len({each["table_id"] for each in waiting}),
        "oldest_ms": clock.milliseconds(now) - clock.milliseconds(oldest),
        "on_duty": sorted(names, key=alphabetical) if duty.is_offered(restaurant) else None,
        "is_open": opening.is_open(restaurant, now),
    }
