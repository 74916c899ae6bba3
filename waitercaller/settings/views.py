"""The index of the settings, and the pages of the restaurant itself and of escalation."""

from typing import Any
from zoneinfo import ZoneInfo

from bson import ObjectId
from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import format_datetime
from flask_babel import gettext as _

from waitercaller.db import clock
from waitercaller.db.client import Changes
from waitercaller.model import face, settings, time_zones, webhooks
from waitercaller.model.languages import LANGUAGES
from waitercaller.model.restaurants import Restaurant
from waitercaller.model.rollups.retention import keep_days_of
from waitercaller.model.service_request import DEFAULT_ESCALATION, escalation_of
from waitercaller.model.standard_kinds import in_order
from waitercaller.outgoing import delivery
from waitercaller.settings import blueprint
from waitercaller.settings.fields import MergingForm
from waitercaller.settings.forms import AttentionForm, KeepingForm, RestaurantForm
from waitercaller.settings.merging import Conflict, Values, merged
from waitercaller.web import access, audit, opening_words
from waitercaller.web.errors import error_page
from waitercaller.web.forms import refused


@blueprint.get("")
@access.least("owner")
def index(restaurant_id: ObjectId) -> ResponseReturnValue:
    """The sections of the settings with their present values."""
    restaurant = settings.get(restaurant_id)
    webhook = webhooks.of(restaurant)
    return render_template(
        "settings/index.html",
        restaurant=restaurant,
        languages=[LANGUAGES[code] for code in restaurant["languages"] if code in LANGUAGES],
        kinds=in_order(restaurant["kinds"]),
        opening=opening_words.describe(restaurant),
        times=escalation_of(restaurant),
        webhook_host=delivery.host_of(webhook["url"]) if webhook else "",
        webhook_fails=webhook is not None and any(each["state"] == "failed" for each in webhooks.latest(restaurant_id)),
        keep_days=keep_days_of(restaurant),
        face=face.of(restaurant),
    )


@blueprint.route("/house", methods=["GET", "POST"])
@access.least("owner")
def house(restaurant_id: ObjectId) -> ResponseReturnValue:
    """Name, time zone and languages."""
    form = RestaurantForm()
    if not form.is_submitted():
        form.show(_restaurant_values(settings.get(restaurant_id)))
        return _restaurant_page(form)
    if not form.validate():
        return _restaurant_page(form), 400
    seen, sent = form.seen_values(), form.values()
    try:
        changed = settings.change(restaurant_id, lambda now: _restaurant_fields(now, seen, sent))
    except Conflict as conflict:
        form.show_conflict(conflict, sent)
        return _restaurant_page(form), 409
    return saved(restaurant_id, "house", changed)


@blueprint.route("/attention", methods=["GET", "POST"])
@access.least("owner")
def attention(restaurant_id: ObjectId) -> ResponseReturnValue:
    """The escalation times."""
    form = AttentionForm()
    if not form.is_submitted():
        form.show(_attention_values(settings.get(restaurant_id)))
        return render_template("settings/attention.html", form=form, usual=DEFAULT_ESCALATION)
    if not form.validate():
        return refused("settings/attention.html", form, usual=DEFAULT_ESCALATION)
    seen, sent = form.seen_values(), form.values()
    try:
        changed = settings.change(restaurant_id, lambda now: _attention_fields(now, seen, sent))
    except Conflict as conflict:
        form.show_conflict(conflict, sent)
        return render_template("settings/attention.html", form=form, usual=DEFAULT_ESCALATION), 409
    return saved(restaurant_id, "attention", changed)


@blueprint.route("/keeping", methods=["GET", "POST"])
@access.least("owner")
def keeping(restaurant_id: ObjectId) -> ResponseReturnValue:
    """For how many days calls are kept."""
    form = KeepingForm()
    if not form.is_submitted():
        form.show(_keeping_values(settings.get(restaurant_id)))
        return render_template("settings/keeping.html", form=form)
    if not form.validate():
        return refused("settings/keeping.html", form)
    seen, sent = form.seen_values(), form.values()
    try:
        changed = settings.change(restaurant_id, lambda now: _keeping_fields(now, seen, sent))
    except Conflict as conflict:
        form.show_conflict(conflict, sent)
        return render_template("settings/keeping.html", form=form), 409
    return saved(restaurant_id, "keeping", changed)


@blueprint.errorhandler(settings.Missing)
def missing(_error: settings.Missing) -> ResponseReturnValue:
    """404 for an item that somebody else has just removed."""
    return error_page(404)


def saved(
    restaurant_id: ObjectId, section: str, changed: bool, to: str = "settings.index", **details: Any
) -> ResponseReturnValue:
    """The response after saving; a change is recorded in the audit."""
    if changed:
        audit.record("settings_changed", restaurant_id=restaurant_id, section=section, **details)
    flash(_("Saved."), "success")
    return redirect(url_for(to, restaurant_id=restaurant_id), 303)


def _restaurant_page(form: MergingForm) -> str:
    zone = form["time_zone"].data
    known = time_zones.known(zone)
    clock_there = format_datetime(clock.now().astimezone(ZoneInfo(known)), "HH:mm", rebase=False)
    regions: dict[str, list[str]] = {}
    for each in time_zones.TIME_ZONES:
        regions.setdefault(each.partition("/")[0], []).append(each)
    return render_template("settings/house.html", form=form, regions=regions, zone=known, clock_there=clock_there)


def _restaurant_values(restaurant: Restaurant) -> Values:
    offered = [code for code in LANGUAGES if code in restaurant["languages"]]
    return {
        "name": restaurant["name"],
        "time_zone": restaurant["time_zone"],
        "language": restaurant["languages"][0],
        "languages": offered,
    }


def _restaurant_fields(restaurant: Restaurant, seen: Values, sent: Values) -> Changes:
    values = merged(_restaurant_values(restaurant), seen, sent)
    first = values["language"]
    others = [code for code in values["languages"] if code != first]
    return {"name": values["name"], "time_zone": values["time_zone"], "languages": [first, *others]}


def _attention_values(restaurant: Restaurant) -> Values:
    times = {name: round(time.total_seconds()) for name, time in escalation_of(restaurant)._asdict().items()}
    return {**times, "alert_mail": bool(restaurant["settings"].get("alert_mail"))}


def _attention_fields(restaurant: Restaurant, seen: Values, sent: Values) -> Changes:
    current = _attention_values(restaurant)
    values = merged(current, seen, sent)
    mail = values.pop("alert_mail")
    ascending = values["nag"] < values["all_zones"] < values["alert"]
    if not ascending or not values["remind_taker"] < values["tell_colleagues"] < values["give_back"]:
        # possible after merging two valid forms
        raise Conflict(current, [name for name in values if current[name] != seen.get(name)])
    return {"settings": {**restaurant["settings"], "escalation": values, "alert_mail": mail}}


def _keeping_values(restaurant: Restaurant) -> Values:
    return {"keep_calls_days": keep_days_of(restaurant)}


def _keeping_fields(restaurant: Restaurant, seen: Values, sent: Values) -> Changes:
    return {"settings": {**restaurant["settings"], **merged(_keeping_values(restaurant), seen, sent)}}
