"""The page "Your first call": an owner's first steps, with the dashboard beside them."""

from bson import ObjectId
from flask import abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from waitercaller.model import first_call, settings, tables
from waitercaller.model.opening_times import Hours
from waitercaller.requests.dashboard import blueprint, views
from waitercaller.requests.dashboard import first_call as steps
from waitercaller.requests.dashboard.first_call_forms import EveryDayForm, SaidForm
from waitercaller.web import access, audit
from waitercaller.web.errors import error_page
from waitercaller.web.forms import ButtonForm, text_of
from waitercaller.web.table_names import TableNamesForm

HOME = "/r/<objectid:restaurant_id>/first-call"  # what is sent has addresses beside it: the dashboard's are relative


@blueprint.get(HOME, endpoint="first_call")
@access.least("owner")
def show_first_call(restaurant_id: ObjectId) -> ResponseReturnValue:
    """The steps, and what became of the test call; the dashboard once there are no steps any more."""
    return _page(restaurant_id)


@blueprint.post(f"{HOME}-tables", endpoint="first_tables")
@access.least("owner")
def add_tables(restaurant_id: ObjectId) -> ResponseReturnValue:
    """Lay the first tables."""
    form = TableNamesForm()
    if form.validate():
        try:
            tables.check_limit(restaurant_id, len(form.expanded_names))
            tables.add_many(restaurant_id, form.expanded_names, None)
        except tables.NamesTaken as error:
            form.names.errors = [_("There is already: %(names)s.", names=", ".join(error.names))]
        except tables.TooManyTables:
            form.names.errors = [_("A restaurant can have %(number)d tables at most.", number=tables.MAX_TABLES)]
        else:
            return _to_page(restaurant_id)
    return _page(restaurant_id, tables_form=form)


@blueprint.post(f"{HOME}-hours", endpoint="first_hours")
@access.least("owner")
def set_hours(restaurant_id: ObjectId) -> ResponseReturnValue:
    """Set the time zone, and the same hours on every day; hours that were set meanwhile stay."""
    form = EveryDayForm()
    if not form.validate():
        return _page(restaurant_id, hours_form=form)
    zone, opens, closes = (text_of(field) for field in (form.time_zone, form.opens, form.closes))
    week: list[Hours] = [{"day": day, "opens": opens, "closes": closes} for day in range(7)]
    settings.change(restaurant_id, lambda now: {"time_zone": zone, "hours": now["hours"] or week})
    audit.record_limited("settings_changed", restaurant_id=restaurant_id, section="hours")
    return _to_page(restaurant_id)


@blueprint.post(f"{HOME}-said", endpoint="first_said")
@access.least("owner")
def say(restaurant_id: ObjectId) -> ResponseReturnValue:
    """ "I heard it", "they are printed"."""
    form = SaidForm()
    if not form.validate():
        abort(400)
    first_call.say(restaurant_id, form.what.data)
    return _to_page(restaurant_id)


@blueprint.post(f"{HOME}-end", endpoint="end_first_call")
@access.least("owner")
def end(restaurant_id: ObjectId) -> ResponseReturnValue:
    """Be done with it, or want no guide."""
    if not ButtonForm().validate():
        abort(400)
    first_call.end(restaurant_id)
    flash(_("All further settings are under “Settings”, and your team is under “People”."), "success")
    return _to_dashboard(restaurant_id)


@blueprint.errorhandler(settings.Missing)
def missing(_error: settings.Missing) -> ResponseReturnValue:
    """The restaurant was removed meanwhile."""
    return error_page(404)


def _page(
    restaurant_id: ObjectId, tables_form: TableNamesForm | None = None, hours_form: EveryDayForm | None = None
) -> ResponseReturnValue:
    """The page; a refused form is passed in and shown with its data."""
    restaurant = settings.get(restaurant_id)  # as stored: a cached one may be older than the last step
    guide = first_call.of(restaurant)
    if guide is None:
        return _to_dashboard(restaurant_id)
    page = render_template(
        "requests/dashboard/first_call.html",
        tables_form=tables_form or TableNamesForm(formdata=None),
        hours_form=hours_form or EveryDayForm(formdata=None, time_zone=restaurant["time_zone"]),
        **views.page_context(restaurant_id),
        **steps.page_context(restaurant, guide, access.required_member()["id"]),
    )
    return page, 400 if tables_form or hours_form else 200


def _to_page(restaurant_id: ObjectId) -> ResponseReturnValue:
    return redirect(url_for("requests.dashboard.first_call", restaurant_id=restaurant_id), 303)


def _to_dashboard(restaurant_id: ObjectId) -> ResponseReturnValue:
    return redirect(url_for("requests.dashboard.page", restaurant_id=restaurant_id), 303)
