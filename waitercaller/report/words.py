"""Texts of the report: durations, names, and rows of its tables."""

from collections.abc import Callable, Hashable, Iterable
from datetime import date, timedelta
from typing import NamedTuple, TypeVar

from babel.dates import format_skeleton
from flask_babel import format_date, get_locale
from flask_babel import gettext as _

from waitercaller.model.languages import in_language, table_title
from waitercaller.model.restaurants import Restaurant
from waitercaller.model.rollups import times
from waitercaller.model.rollups.figures import Figures
from waitercaller.report import summary
from waitercaller.report.summary import Period, TimedCell
from waitercaller.web.languages import current_language

Key = TypeVar("Key", bound=Hashable)


class Row(NamedTuple):
    """The figures of a zone, a kind, a table or a time; `before` is None where they are unknown."""

    name: str
    now: Figures
    before: Figures | None


class Group(NamedTuple):
    """Rows under a heading."""

    title: str
    rows: list[Row]


def minutes_and_seconds(wait: timedelta | None) -> str:
    """A duration as m:ss or h:mm:ss; a dash for None."""
    if wait is None:
        return "–"
    minutes, seconds = divmod(round(wait.total_seconds()), 60)
    return f"{minutes}:{seconds:02}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"


def groups(restaurant: Restaurant, items: list[TimedCell], old: list[TimedCell] | None) -> list[Group]:
    """The figures by zone, kind and table, in their order; without what has one row only."""
    zones, kinds = zone_names(restaurant, items), kind_names(restaurant)
    found = [
        Group(_("By zone"), _rows(zones, items, old, lambda item: item.cell["zone_id"])),
        Group(_("By what they called for"), _rows(kinds, items, old, lambda item: item.cell["kind"])),
        Group(_("By table"), _rows(_table_names(items), items, old, lambda item: item.cell.get("table_id"))),
    ]
    return [group for group in found if len(group.rows) > 1]


def kind_names(restaurant: Restaurant) -> dict[str, str]:
    """The staff's labels of the kinds by id, in order."""
    kinds = sorted(restaurant["kinds"], key=lambda kind: int(kind["position"]))
    return {kind["id"]: in_language(kind["labels"], current_language()) for kind in kinds}


def zone_names(restaurant: Restaurant, items: Iterable[TimedCell]) -> dict[str | None, str]:
    """The names of the zones by id, in order; removed zones have their last name."""
    names: dict[str | None, str] = {zone["id"]: zone["name"] for zone in restaurant["zones"]}
    gone = {each.cell["zone_id"]: each.cell["zone_name"] or "" for each in items if each.cell["zone_id"] not in names}
    return {**names, **gone, None: _("Without a zone")}


def step_rows(
    period: Period, steps: list[int], now: dict[int, Figures], before: dict[int, Figures] | None
) -> list[Row]:
    """The steps of the time line, named by their hour, their day, or the first day of their week."""
    names = [f"{hour:02}:00" for hour in steps]
    if period.days > 1:
        length = 1 if period.days <= summary.LONGEST_BY_DAY else 7
        firsts = [max(period.last - ((step + 1) * length - 1) * times.DAY, period.first) for step in steps]
        names = [_day(first, "E" if period.days <= 7 else "") for first in firsts]
    return [
        Row(name, now.get(step, Figures()), before.get(step, Figures()) if before is not None else None)
        for step, name in zip(steps, names, strict=True)
    ]


def weekday_names(width: str) -> dict[int, str]:
    """The names of the weekdays (0: Monday); `width` is wide, abbreviated or narrow."""
    locale = get_locale()
    return dict(locale.days["stand-alone"][width]) if locale else {}


def on_weekday(weekday: int) -> str:
    """Each such weekday, as it begins or continues a sentence."""
    names = (
        _("Mondays"),
        _("Tuesdays"),
        _("Wednesdays"),
        _("Thursdays"),
        _("Fridays"),
        _("Saturdays"),
        _("Sundays"),
    )
    return str(names[weekday])


def hours_range(hour: int, hours: int) -> str:
    """So many hours from this one on, as 19–21 h."""
    return str(_("%(begin)d–%(end)d h", begin=hour, end=(hour + hours) % 24))


def _rows(
    names: dict[Key, str],
    items: list[TimedCell],
    old: list[TimedCell] | None,
    key: Callable[[TimedCell], Key],
) -> list[Row]:
    found, earlier = summary.by(key, items), summary.by(key, old or [])
    return [
        Row(name, found[each], earlier.get(each, Figures()) if old is not None else None)
        for each, name in names.items()
        if each in found
    ]


def _table_names(items: Iterable[TimedCell]) -> dict[object, str]:
    """The last names of the tables that called, by id, in their natural order."""
    names = {item.cell.get("table_id"): item.cell.get("table_name") for item in items}
    known = {table_id: name for table_id, name in names.items() if name is not None}
    return {each: table_title(known[each]) for each in sorted(known, key=lambda each: _natural(known[each]))}


def _natural(name: str) -> tuple[int, str]:
    return (int(name) if name.isdecimal() else 10**9, name)


def _day(day: date, weekday: str) -> str:
    text = str(format_skeleton("MMMd", day, locale=get_locale()))
    return f"{format_date(day, weekday)}, {text}" if weekday else text
