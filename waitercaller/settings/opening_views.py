"""The page of opening: manual state, weekly hours, special days. For managers and owners."""

from typing import Any

from bson import ObjectId
from flask import abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from waitercaller.db import clock
from waitercaller.model import opening, settings
from waitercaller.model.opening_times import Opening, Span
from waitercaller.model.restaurants import Restaurant
from waitercaller.settings import blueprint, hours
from waitercaller.settings.opening_forms import ExceptionForm, HoursForm, NowForm, RemoveForm, day_of
from waitercaller.web import access, audit, opening_words
from waitercaller.web.forms import Form, text_of


@blueprint.get("/opening", endpoint="opening")
@access.least("manager")
def show_opening(restaurant_id: ObjectId) -> ResponseReturnValue:
    """The present state, the weekly hours and the special days."""
    return _page(restaurant_id)


@blueprint.post("/opening/now")
@access.least("manager")
def set_now(restaurant_id: ObjectId) -> ResponseReturnValue:
    """Set or remove the manual state; it ends at the next opening."""
    form = NowForm()
    if not form.validate():
        abort(400)
    state = form.state.data
    if settings.change(restaurant_id, lambda now: {"opening": _manual_state(now, state)}):
        audit.record_limited("opening_changed", restaurant_id=restaurant_id, state=state)
    said = {
        "open": _("Guests can call now."),
        "closed": _("Guests cannot call now. Calls that wait stay on the screens."),
        "hours": _("It is as usual again."),
    }
    flash(said[state], "success")
    return _to_opening(restaurant_id)


@blueprint.post("/opening/hours")
@access.least("manager")
def add_hours(restaurant_id: ObjectId) -> ResponseReturnValue:
    """Add a span to weekdays."""
    form = HoursForm()
    if not form.validate():
        return _page(restaurant_id, hours_form=form), 400
    days = sorted({int(day) for day in form.days.data or ()})
    opens, closes = text_of(form.opens), text_of(form.closes)
    try:
        settings.change(restaurant_id, lambda now: hours.add(now, days, opens, closes))
    except hours.Refused as refusal:
        return _refused(restaurant_id, refusal, hours_form=form)
    return _saved(restaurant_id, "hours")


@blueprint.post("/opening/hours/remove")
@access.least("manager")
def remove_hours(restaurant_id: ObjectId) -> ResponseReturnValue:
    """Remove a weekly span."""
    which = _which()
    settings.change(restaurant_id, lambda now: hours.remove(now, which))
    return _saved(restaurant_id, "hours")


@blueprint.post("/opening/exceptions")
@access.least("manager")
def add_exceptions(restaurant_id: ObjectId) -> ResponseReturnValue:
    """Add special days."""
    form = ExceptionForm()
    if not form.validate():
        return _page(restaurant_id, exception_form=form), 400
    first = day_of(text_of(form.first_day))
    assert first
    last = day_of(text_of(form.last_day)) or first
    spans: list[Span] = []
    if text_of(form.starts):
        spans = [{"opens": text_of(form.starts), "closes": text_of(form.ends)}]
    try:
        settings.change(restaurant_id, lambda now: hours.add_exceptions(now, first, last, spans))
    except hours.Refused as refusal:
        return _refused(restaurant_id, refusal, exception_form=form)
    return _saved(restaurant_id, "exceptions")


@blueprint.post("/opening/exceptions/remove")
@access.least("manager")
def remove_exceptions(restaurant_id: ObjectId) -> ResponseReturnValue:
    """Remove special days."""
    which = _which()
    settings.change(restaurant_id, lambda now: hours.remove_exceptions(now, which))
    return _saved(restaurant_id, "exceptions")


def _manual_state(restaurant: Restaurant, state: str) -> Opening | None:
    if state == "hours":
        return None
    until = opening.until_next_opening(restaurant, clock.now())
    return {"state": "open" if state == "open" else "closed", "until": until}


def _page(restaurant_id: ObjectId, **forms: Form) -> str:
    """The page; a refused form is passed in and shown with its data."""
    restaurant = settings.get(restaurant_id)
    context: dict[str, Any] = {"hours_form": HoursForm(), "exception_form": ExceptionForm(), **forms}
    return render_template(
        "settings/opening.html",
        opening=opening_words.describe(restaurant),
        week=hours.week(restaurant),
        special=hours.special_days(restaurant),
        day_names=[(str(day), hours.short_day_name(day), hours.day_name(day)) for day in range(7)],
        has_hours=bool(restaurant["hours"]),
        time_zone=restaurant["time_zone"],
        **context,
    )


def _refused(restaurant_id: ObjectId, refusal: hours.Refused, **forms: Form) -> ResponseReturnValue:
    for form in forms.values():
        form[refusal.field].errors = [refusal.sentence]
    return _page(restaurant_id, **forms), 400


def _which() -> str:
    form = RemoveForm()
    if not form.validate():
        abort(400)
    return text_of(form.which)


def _saved(restaurant_id: ObjectId, section: str) -> ResponseReturnValue:
    audit.record_limited("settings_changed", restaurant_id=restaurant_id, section=section)
    flash(_("Saved."), "success")
    return _to_opening(restaurant_id)


def _to_opening(restaurant_id: ObjectId) -> ResponseReturnValue:
    return redirect(url_for("settings.opening", restaurant_id=restaurant_id), 303)
