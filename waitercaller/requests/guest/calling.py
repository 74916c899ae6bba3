"""What holds for every call from a table, by a phone or by a button: limits and pauses."""

from waitercaller.db import clock
from waitercaller.model import joins, pauses
from waitercaller.model.restaurants import Restaurant
from waitercaller.model.tables import Table
from waitercaller.web import limits


def count_if_paused(restaurant: Restaurant, table: Table, phones: list[str]) -> bool:
    """Whether the phone or the table is paused; if so, count this tap."""
    pause = pauses.applying_to(table, phones, joins.tables_with(restaurant, table["_id"], clock.now()))
    if pause is not None:
        pauses.count_tap(pause, joins.as_one(restaurant, table))
    return pause is not None


def limit_calls(table: Table, phone: str, *, is_known: bool) -> None:
    """Raise DomainError over the limits per phone, table or address; the last is high, as guests share addresses.

    A table's limit is for phones that have not called before: one without cookies may be any number of them.
    """
    limits.check("guest_call")
    limits.check("guest_phone", phone)
    if not is_known:
        limits.check("guest_table", str(table["_id"]))
