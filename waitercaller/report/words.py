"""Texts of the report: durations, names, and rows of its table."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import NamedTuple

from babel.dates import format_skeleton
from flask_babel import format_date, get_locale
from flask_babel import gettext as _

from waitercaller.model.languages import in_language
from waitercaller.model.restaurants import Restaurant
from waitercaller.model.rollups.figures import Figures
from waitercaller.report import summary
from waitercaller.report.summary import Period, TimedCell
from waitercaller.web.languages import current_language


class Group(NamedTuple):
    """Rows of the table under a heading."""

    title: str
    rows: list[tuple[str, Figures]]


def minutes_and_seconds(wait: timedelta | None) -> str:
    """A duration as m:ss or h:mm:ss; a dash for None."""
    if wait is None:
        return "–"
    minutes, seconds = divmod(round(wait.total_seconds()), 60)
    return f"{minutes}:{seconds:02}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"


def groups(restaurant: Restaurant, period: Period, items: list[TimedCell]) -> list[Group]:
    """The rows of the report's table: by kind, zone, day and hour."""
    found = [
        Group(_("What they called for"), _kinds(restaurant, items)),
        Group(_("Where"), _zones(restaurant, items)),
        Group(_("On which day"), _days(period, items)),
        Group(_("At what time"), [(f"{hour:02}:00", each) for hour, each in summary.hours(items).items()]),
    ]
    return [group for group in found if group.rows]


def kind_names(restaurant: Restaurant) -> dict[str, str]:
    """The staff's labels of the kinds by id, in order."""
    kinds = sorted(restaurant["kinds"], key=lambda kind: int(kind["position"]))
    return {kind["id"]: in_language(kind["labels"], current_language()) for kind in kinds}


def zone_names(restaurant: Restaurant, items: Iterable[TimedCell]) -> dict[str | None, str]:
    """The names of the zones by id, in order; removed zones have their last name."""
    names: dict[str | None, str] = {zone["id"]: zone["name"] for zone in restaurant["zones"]}
    gone = {each.cell["zone_id"]: each.cell["zone_name"] or "" for each in items if each.cell["zone_id"] not in names}
    return {**names, **gone, None: _("Without a zone")}


def _kinds(restaurant: Restaurant, items: list[TimedCell]) -> list[tuple[str, Figures]]:
    found = summary.by(lambda item: item.cell["kind"], items)
    return [(name, found[kind]) for kind, name in kind_names(restaurant).items() if kind in found]


def _zones(restaurant: Restaurant, items: list[TimedCell]) -> list[tuple[str, Figures]]:
    """The figures by zone; empty if there is only one zone."""
    found = summary.by(lambda item: item.cell["zone_id"], items)
    rows = [(name, found[zone]) for zone, name in zone_names(restaurant, items).items() if zone in found]
    return rows if len(rows) > 1 else []


def _days(period: Period, items: list[TimedCell]) -> list[tuple[str, Figures]]:
    """The figures by day; by weekday if the period is longer than a week."""
    if period.days == 1:
        return []
    if period.days <= 7:
        days = summary.by(lambda item: item.day, items)
        return [(_day(day), days[day]) for day in sorted(days)]
    weekdays, locale = summary.by(lambda item: item.day.weekday(), items), get_locale()
    names = locale.days["stand-alone"]["wide"] if locale else {}
    return [(names[weekday], weekdays[weekday]) for weekday in sorted(weekdays)]


def _day(day: date) -> str:
    return f"{format_date(day, 'EEEE')}, {format_skeleton('MMMd', day, locale=get_locale())}"
