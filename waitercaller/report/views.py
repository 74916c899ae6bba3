"""The report for managers, and the history of today's calls, each with its story, for all members and devices."""

from datetime import UTC, datetime, timedelta
from itertools import groupby

from bson import ObjectId
from flask import Response, abort, render_template, request
from flask_babel import gettext as _

from waitercaller.db import clock
from waitercaller.model import restaurants
from waitercaller.model.requests import queries
from waitercaller.model.rollups import store, times
from waitercaller.model.rollups.figures import total
from waitercaller.model.service_request import escalation_of
from waitercaller.report import blueprint, history, story, summary, words
from waitercaller.report.summary import Period, TimedCell
from waitercaller.web import access, sheet
from waitercaller.web.languages import current_language

blueprint.add_app_template_filter(words.minutes_and_seconds, "minutes_and_seconds")

CALLS_PER_PAGE = 200


@blueprint.get("/report")
@access.least("manager")
def index(restaurant_id: ObjectId) -> str:
    """The report of a period."""
    restaurant = access.current_restaurant()
    zone = restaurants.time_zone(restaurant)
    period = _period()
    earlier = summary.before(period, zone)
    is_known = restaurant["created_at"] <= earlier.begin
    items, limit = _timed_cells(period), escalation_of(restaurant).alert
    return render_template(
        "report/index.html",
        period=period,
        periods=summary.PERIODS,
        now=total(item.cell for item in items),
        before=total(item.cell for item in _timed_cells(earlier)) if is_known else None,
        limit=limit,
        bars=summary.bars(summary.hours(items), limit),
        groups=words.groups(restaurant, period, items),
    )


@blueprint.get("/report.csv")
@access.least("manager")
def download(restaurant_id: ObjectId) -> Response:
    """The figures of a period as CSV: a row per hour, zone and kind."""
    period = _period()
    items = _timed_cells(period)
    text = sheet.to_csv([_column_titles(), *_rows(items)], current_language())
    response = Response(text, mimetype="text/csv")
    name = f"waiter-caller-{period.first}-{period.last}.csv"
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


@blueprint.get("/report/unreached")
@access.least("manager")
def show_unreached(restaurant_id: ObjectId) -> str:
    """The calls of a period that reached nobody, newest first."""
    restaurant, now, period = access.current_restaurant(), clock.now(), _period()
    zone, limits = restaurants.time_zone(restaurant), escalation_of(restaurant)
    calls = store.unreached_between(restaurant_id, period.begin, _before() or period.end, CALLS_PER_PAGE + 1)
    shown = calls[:CALLS_PER_PAGE]
    entries = [history.entry(call, now, zone, limits) for call in shown]
    return render_template(
        "report/unreached.html",
        period=period,
        days=[(day, list(group)) for day, group in groupby(entries, key=lambda entry: entry.day)],
        earlier_ms=clock.milliseconds(shown[-1]["created_at"]) if len(calls) > len(shown) else None,
    )


@blueprint.get("/history")
@access.least("waiter", devices=True)
def show_history(restaurant_id: ObjectId) -> str:
    """Today's calls, newest first."""
    restaurant, now = access.current_restaurant(), clock.now()
    zone, limits = restaurants.time_zone(restaurant), escalation_of(restaurant)
    today = times.day_of(now, zone)
    end = _before() or now + timedelta(milliseconds=1)
    calls = store.calls_between(restaurant_id, times.beginning_of(today, zone), end, CALLS_PER_PAGE + 1)
    shown = calls[:CALLS_PER_PAGE]
    return render_template(
        "report/history.html",
        today=today,
        entries=[history.entry(call, now, zone, limits) for call in shown],
        earlier_ms=clock.milliseconds(shown[-1]["created_at"]) if len(calls) > len(shown) else None,
    )


@blueprint.get("/history/<objectid:request_id>")
@access.least("waiter", devices=True)
def show_story(restaurant_id: ObjectId, request_id: ObjectId) -> str:
    """The story of one call: of today, as the history; of earlier days for managers and owners, as the report."""
    restaurant, now = access.current_restaurant(), clock.now()
    zone = restaurants.time_zone(restaurant)
    found = queries.with_ids({"restaurant_id": restaurant_id}, [request_id])
    call = found[0] if found and "rehearsal" not in found[0] else abort(404)  # a rehearsal has a page of its own
    day = times.day_of(call["created_at"], zone)
    is_today, member = day == times.day_of(now, zone), access.current_member()
    if not is_today and not (member and access.at_least(member, "manager")):
        abort(403)
    return render_template(
        "report/story.html",
        day=day,
        is_today=is_today,
        entry=history.entry(call, now, zone, escalation_of(restaurant)),
        lines=story.lines(call, zone),
        is_complete=story.is_complete(call),
    )


def _period() -> Period:
    """The period in the query string; default: 7 days."""
    days = request.args.get("days", "7")
    if days not in map(str, summary.PERIODS):
        abort(404)
    return summary.period(int(days), clock.now(), restaurants.time_zone(access.current_restaurant()))


def _timed_cells(period: Period) -> list[TimedCell]:
    restaurant = access.current_restaurant()
    rollups = store.of_period(restaurant["_id"], period.begin, period.end)
    return summary.timed_cells(rollups, restaurants.time_zone(restaurant))


def _before() -> datetime | None:
    """The query parameter `before` (milliseconds since 1970), for the next page."""
    before = request.args.get("before", "")
    if not before:
        return None
    if not before.isascii() or not before.isdigit() or len(before) > 13:
        abort(404)
    return datetime.fromtimestamp(int(before) / 1000, UTC)


def _column_titles() -> list[str]:
    return [
        _("Date"),
        _("Hour"),
        _("Zone"),
        _("Kind"),
        _("Calls"),
        _("Answered"),
        _("Half answered within (seconds)"),
        _("Nine of ten answered within (seconds)"),
        _("Given up"),
        _("Nobody at the table"),
        _("Managers alerted"),
        _("Entered by staff"),
        _("Reached nobody"),
    ]


def _rows(items: list[TimedCell]) -> list[list[object]]:
    restaurant = access.current_restaurant()
    kinds, zones = words.kind_names(restaurant), words.zone_names(restaurant, items)
    found = summary.by(lambda item: (item.at.date(), item.at.hour, item.cell["zone_id"], item.cell["kind"]), items)
    rows: list[list[object]] = []
    for (day, hour, zone, kind), figures in found.items():
        median, p90 = figures.wait(0.5), figures.wait(0.9)
        keys = [day.isoformat(), f"{hour:02}:00", zones[zone] if zone else "", kinds.get(kind, kind)]
        seconds = [round(wait.total_seconds()) if wait is not None else "" for wait in (median, p90)]
        unreached = _("unknown") if figures.unknown else figures.unreached
        rest = [figures.given_up, figures.nobody, figures.alerted, figures.by_staff, unreached]
        rows.append([*keys, figures.calls, figures.answered, *seconds, *rest])
    return rows
