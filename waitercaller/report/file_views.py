"""The figures and the calls of a period as CSV, read and sent day by day: no file is in memory as a whole."""

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import chain

from bson import ObjectId
from flask import Response, stream_with_context
from flask_babel import gettext as _

from waitercaller.model import restaurants
from waitercaller.model.askers import choices
from waitercaller.model.languages import in_language
from waitercaller.model.restaurants import Restaurant
from waitercaller.model.rollups import store
from waitercaller.model.rollups.figures import answered_after, reached_nobody
from waitercaller.model.service_request import ServiceRequest, is_by_staff
from waitercaller.report import blueprint, periods, summary, words
from waitercaller.web import access, sheet
from waitercaller.web.languages import current_language

Row = list[object]


@blueprint.get("/report.csv")
@access.least("manager")
def download(restaurant_id: ObjectId) -> Response:
    """The figures of a period: a row per hour, zone and kind."""
    return _file("waiter-caller", _titles_of_figures(), _figures)


@blueprint.get("/report/calls.csv")
@access.least("manager")
def download_calls(restaurant_id: ObjectId) -> Response:
    """The calls of a period, as far as they are kept; without names of the staff and without guests' notes."""
    return _file("waiter-caller-calls", _titles_of_calls(), _calls)


def _file(name: str, titles: Row, rows: Callable[[Restaurant, datetime, datetime], list[Row]]) -> Response:
    """A file with these titles, and the rows of each day of the period."""
    period, restaurant, language = periods.current(), access.current_restaurant(), current_language()
    days = summary.whole_days(period, restaurants.time_zone(restaurant))
    parts: Iterator[str] = (sheet.to_csv(rows(restaurant, begin, end), language) for begin, end in days)
    head = sheet.BEGIN + sheet.to_csv([titles], language) + next(parts)  # a database that is away is a 503, no file
    response = Response(stream_with_context(chain([head], parts)), mimetype="text/csv")
    response.headers.set("Content-Disposition", "attachment", filename=f"{name}-{period.first}-{period.last}.csv")
    return response


def _titles_of_figures() -> Row:
    return [
        _("Date"),
        _("Hour"),
        _("Zone"),
        _("Kind"),
        _("Calls"),
        _("Answered"),
        _("Half answered within (seconds)"),
        _("Nine of ten answered within (seconds)"),
        _("Not answered"),
        _("Given up"),
        _("Nobody at the table"),
        _("Managers alerted"),
        _("Entered by staff"),
        _("Reached nobody"),
    ]


def _figures(restaurant: Restaurant, begin: datetime, end: datetime) -> list[Row]:
    items = summary.timed_cells(store.of_period(restaurant["_id"], begin, end), restaurants.time_zone(restaurant))
    kinds, zones = words.kind_names(restaurant), words.zone_names(restaurant, items)
    found = summary.by(lambda item: (item.at.date(), item.at.hour, item.cell["zone_id"], item.cell["kind"]), items)
    rows: list[Row] = []
    for (day, hour, zone, kind), figures in found.items():
        waits = [figures.wait(0.5), figures.wait(0.9)]
        keys = [day.isoformat(), f"{hour:02}:00", zones[zone] if zone else "", kinds.get(kind, kind)]
        seconds = [round(wait.total_seconds()) if wait is not None else "" for wait in waits]
        unreached = _("unknown") if figures.unknown else figures.unreached
        rest = [figures.given_up, figures.nobody, figures.alerted, figures.by_staff, unreached]
        rows.append([*keys, figures.calls, figures.answered, *seconds, figures.unanswered, *rest])
    return rows


def _titles_of_calls() -> Row:
    return [
        _("Date"),
        _("Time"),
        _("Table"),
        _("Zone"),
        _("Kind"),
        _("Choice"),
        _("Outcome"),
        _("Answered after (seconds)"),
        _("Ended after (seconds)"),
        _("Reminders"),
        _("Managers alerted"),
        _("Entered by staff"),
        _("Reached nobody"),
    ]


def _calls(restaurant: Restaurant, begin: datetime, end: datetime) -> list[Row]:
    zone, language = restaurants.time_zone(restaurant), current_language()
    outcomes = {
        "waiting": _("Still waiting"),
        "accepted": _("on the way"),
        "resolved": _("done"),
        "dismissed": _("nobody there"),
        "cancelled": _("called off"),
        "withdrawn": _("table removed"),
    }

    def row(call: ServiceRequest) -> Row:
        at, wait = call["created_at"].astimezone(zone), answered_after(call)
        alerted = any(step["what"] == "alerted" for step in call["steps"])
        return [
            at.date().isoformat(),
            f"{at:%H:%M:%S}",
            call["table_name"],
            call["zone_name"] or "",
            in_language(call["kind_labels"], language),
            ", ".join(in_language(names, language) for names in choices(call)),
            str(outcomes[call["state"]]),
            round(wait.total_seconds(), 1) if wait is not None else "",
            round((call["ended_at"] - call["first_at"]).total_seconds(), 1) if call["ended_at"] else "",
            call["reminders"],
            *(int(fact) for fact in (alerted, is_by_staff(call), reached_nobody(call))),
        ]

    return [row(call) for call in store.calls_in(restaurant["_id"], begin, end)]
