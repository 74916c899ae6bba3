"""The period that a page of the report is about, and its figures."""

from flask import abort, request

from waitercaller.db import clock
from waitercaller.model import restaurants
from waitercaller.model.rollups import store
from waitercaller.report import summary
from waitercaller.report.summary import Period, TimedCell
from waitercaller.web import access


def current() -> Period:
    """The period in the query string; default: 7 days. 404 for one that is not offered."""
    days = request.args.get("days", "7")
    if days not in map(str, summary.PERIODS):
        abort(404)
    return summary.period(int(days), clock.now(), restaurants.time_zone(access.current_restaurant()))


def timed_cells(period: Period) -> list[TimedCell]:
    """The counts of the current restaurant in this period."""
    restaurant = access.current_restaurant()
    counts = store.of_period(restaurant["_id"], period.begin, period.end)
    return summary.timed_cells(counts, restaurants.time_zone(restaurant))
