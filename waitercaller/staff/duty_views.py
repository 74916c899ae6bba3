"""Duty: oneself, at the counter anybody, a manager for others; tables for tonight, and breaks with a deputy."""

from typing import Any

from bson import ObjectId
from flask import abort, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from waitercaller.alerts import uncovered
from waitercaller.db import clock
from waitercaller.model import duty, restaurants, tables
from waitercaller.model.duty import NotOnDuty
from waitercaller.model.languages import table_title
from waitercaller.model.restaurants import Member
from waitercaller.staff import blueprint, duty_page
from waitercaller.web import access, audit

HOME = "/r/<objectid:restaurant_id>/duty"
ONE = f"{HOME}/<string(length=12):member_id>"


@blueprint.app_context_processor
def duty_menu() -> dict[str, Any]:
    """`duty_state` for all pages: "on", "off" (and others are on), "unused"; None where members cannot go on duty."""
    restaurant, member = g.get("restaurant"), g.get("member")
    if not restaurant or not duty.is_offered(restaurant):
        return {"duty_state": None}
    present = {each["member_id"] for each in duty.entries(restaurant, clock.now())}
    is_on = member and member["id"] in present
    return {"duty_state": "on" if is_on else "off" if present else "unused"}


@blueprint.get(HOME, endpoint="duty")
@access.least("waiter", devices=True)
def show_duty(restaurant_id: ObjectId) -> ResponseReturnValue:
    """One's own duty; for a counter device and managers also who is here, to be changed."""
    restaurant, me = access.current_restaurant(), access.current_member()
    manages = _manages()
    return render_template(
        "staff/duty.html",
        offered=duty.is_offered(restaurant),
        subject=duty_page.of_member(restaurant, me, manages) if me else None,
        is_me=True,
        team=duty_page.team(restaurant),
        may_change=me is None or manages,
        is_owner=me is not None and me["role"] == "owner" and not g.get("device"),
    )


@blueprint.get(ONE)
@access.least("waiter", devices=True)
def member_duty(restaurant_id: ObjectId, member_id: str) -> ResponseReturnValue:
    """The duty of one member."""
    member, me = _subject(member_id), access.current_member()
    return render_template(
        "staff/member_duty.html",
        subject=duty_page.of_member(access.current_restaurant(), member, _manages()),
        is_me=me is not None and me["id"] == member_id,
    )


@blueprint.post(f"{ONE}/on")
@access.least("waiter", devices=True)
def go_on_duty(restaurant_id: ObjectId, member_id: str) -> ResponseReturnValue:
    """Go on duty until the day turns."""
    member = _subject(member_id)
    is_first = not duty.entries(access.current_restaurant(), clock.now())
    duty.begin(restaurant_id, member_id)
    restaurant = restaurants.get(restaurant_id) or abort(404)
    entry = duty.entry_of(restaurant, member_id, clock.now()) or abort(404)
    until = duty_page.clock_time(restaurant, entry["until"])
    said = (
        _("You are on duty until %(time)s.", time=until)
        if _is_me(member_id)
        else _("%(name)s is on duty until %(time)s.", name=member["name"], time=until)
    )
    if is_first:
        said += " " + _("From now on, only the phones of those on duty are told of calls.")
    flash(said, "success")
    return _to_list(restaurant_id)


@blueprint.post(f"{ONE}/off")
@access.least("waiter", devices=True)
def go_off_duty(restaurant_id: ObjectId, member_id: str) -> ResponseReturnValue:
    """Go off duty; tables that were handed to nobody are told to the managers."""
    member = _subject(member_id)
    uncovered.leave(restaurant_id, member_id)
    name = member["name"]
    flash(_("You are off duty.") if _is_me(member_id) else _("%(name)s is off duty.", name=name), "success")
    return _to_list(restaurant_id)


@blueprint.post(f"{ONE}/tables")
@access.least("waiter", devices=True)
def take_tables(restaurant_id: ObjectId, member_id: str) -> ResponseReturnValue:
    """Take these tables and zones for tonight, instead of those before."""
    _subject(member_id)
    restaurant, found = access.current_restaurant(), tables.of_restaurant(restaurant_id)
    ticked = [table["_id"] for table in found if str(table["_id"]) in request.form.getlist("tables")]
    zones = [zone["id"] for zone in restaurant["zones"] if zone["id"] in request.form.getlist("zones")]
    try:
        kept = duty.take(restaurant_id, member_id, ticked, zones, from_others=_manages())
    except NotOnDuty:
        return _gone(restaurant_id)
    flash(_("Saved."), "success")
    restaurant = restaurants.get(restaurant_id) or abort(404)
    names = {member["id"]: member["name"] for member in restaurant["members"]}
    whose = {table: each["member_id"] for each in duty.entries(restaurant, clock.now()) for table in each["tables"]}
    for table in found:
        if table["_id"] in kept and table["_id"] in whose:
            title, name = table_title(table["name"]), names[whose[table["_id"]]]
            flash(_("%(table)s: %(name)s has it.", table=title, name=name), "warning")
    return _to_member(restaurant_id, member_id)


@blueprint.post(f"{ONE}/deputy")
@access.least("waiter", devices=True)
def choose_deputy(restaurant_id: ObjectId, member_id: str) -> ResponseReturnValue:
    """A break: hand everything to the member `to`, or without one take it back."""
    member, to = _subject(member_id), request.form.get("to")
    deputy = restaurants.member_with_id(access.current_restaurant(), to) if to else None
    if to and deputy is None:
        abort(400)
    try:
        duty.hand_over(restaurant_id, member_id, deputy["id"] if deputy else None)
    except NotOnDuty:
        return _gone(restaurant_id)
    if deputy is None and _is_me(member_id):
        flash(_("You have your tables again."), "success")
    else:
        flash(_("%(name)s has the tables now.", name=(deputy or member)["name"]), "success")
    return _to_member(restaurant_id, member_id)


@blueprint.post(f"{HOME}/switch")
@access.least("owner")
def switch_duty(restaurant_id: ObjectId) -> ResponseReturnValue:
    """Whether members can go on duty at all."""
    restaurants.set_setting(restaurant_id, "duty", request.form.get("duty") == "yes")
    audit.record("settings_changed", restaurant_id=restaurant_id, section="duty")
    flash(_("Saved."), "success")
    return _to_list(restaurant_id)


def _subject(member_id: str) -> Member:
    """The member who is changed: oneself, for a counter device and managers anybody; else 403."""
    restaurant, me = access.current_restaurant(), access.current_member()
    member = restaurants.member_with_id(restaurant, member_id) or abort(404)
    if not duty.is_offered(restaurant):
        abort(404)
    if me is not None and me["id"] != member_id and not _manages():
        abort(403)
    return member


def _manages() -> bool:
    me = access.current_member()
    return me is not None and access.at_least(me, "manager")


def _is_me(member_id: str) -> bool:
    me = access.current_member()
    return me is not None and me["id"] == member_id


def _gone(restaurant_id: ObjectId) -> ResponseReturnValue:
    flash(_("That did not work: somebody has gone off duty in the meantime."), "warning")
    return _to_list(restaurant_id)


def _to_list(restaurant_id: ObjectId) -> ResponseReturnValue:
    return redirect(url_for("staff.duty", restaurant_id=restaurant_id), 303)


def _to_member(restaurant_id: ObjectId, member_id: str) -> ResponseReturnValue:
    if _is_me(member_id):
        return _to_list(restaurant_id)
    return redirect(url_for("staff.member_duty", restaurant_id=restaurant_id, member_id=member_id), 303)
