"""The report for managers, and the history of today's calls, each with its story, for all members and devices."""

from datetime import UTC, datetime, timedelta
from itertools import groupby

from bson import ObjectId
from flask import abort, render_template, request
from flask_babel import get_locale

from waitercaller.db import clock
from waitercaller.model import restaurants
from waitercaller.model.requests import queries
from waitercaller.model.rollups import store, times
from waitercaller.model.rollups.figures import Figures, total
from waitercaller.model.service_request import escalation_of
from waitercaller.report import blueprint, findings, history, periods, pictures, story, summary, words
from waitercaller.report.summary import Period, TimedCell
from waitercaller.web import access

blueprint.add_app_template_filter(words.minutes_and_seconds, "minutes_and_seconds")

CALLS_PER_PAGE = 200


@blueprint.get("/report")
@access.least("manager")
def index(restaurant_id: ObjectId) -> str:
    """The report of a period."""
    restaurant = access.current_restaurant()
    zone = restaurants.time_zone(restaurant)
    period = periods.current()
    earlier = summary.before(period, zone)
    items, limits = periods.timed_cells(period), escalation_of(restaurant)
    old = periods.timed_cells(earlier) if restaurant["created_at"] <= earlier.begin else None
    hourly, locale = summary.hours_and_weekdays(items), get_locale()
    first_weekday = locale.first_week_day if locale else 0
    return render_template(
        "report/index.html",
        period=period,
        periods=summary.PERIODS,
        now=total(item.cell for item in items),
        before=total(item.cell for item in old) if old is not None else None,
        limit=limits.alert,
        findings=findings.sentences(items, old, words.zone_names(restaurant, items)),
        heat_of_calls=pictures.heat_of_calls(hourly, first_weekday),
        heat_of_waits=pictures.heat_of_waits(hourly, first_weekday, limits),
        weekday_names={width: words.weekday_names(width) for width in ("abbreviated", "wide")},
        **_time_line(period, items, summary.by(summary.step_of(earlier), old) if old is not None else None),
        groups=[
            (group, pictures.longest_of(row.now for row in group.rows))
            for group in words.groups(restaurant, items, old)
        ],
        share=pictures.share,
    )


@blueprint.get("/report/unreached")
@access.least("manager")
def show_unreached(restaurant_id: ObjectId) -> str:
    """The calls of a period that reached nobody, newest first."""
    restaurant, now, period = access.current_restaurant(), clock.now(), periods.current()
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
        opinion=call.get("opinion") if member and access.at_least(member, "manager") else None,
    )


def _before() -> datetime | None:
    """The query parameter `before` (milliseconds since 1970), for the next page."""
    before = request.args.get("before", "")
    if not before:
        return None
    if not before.isascii() or not before.isdigit() or len(before) > 13:
        abort(404)
    return datetime.fromtimestamp(int(before) / 1000, UTC)


def _time_line(period: Period, items: list[TimedCell], before: dict[int, Figures] | None) -> dict[str, object]:
    """The picture and the rows of the period's steps; `before` are those of the period before."""
    steps, now = summary.steps(period, items), summary.by(summary.step_of(period), items)
    rows = words.step_rows(period, steps, now, before)
    return {"line": pictures.time_line(steps, now, before), "step_rows": rows}
