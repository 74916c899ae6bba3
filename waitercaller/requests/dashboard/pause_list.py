"""The list of active pauses below the cards: phone or table, end, number of taps, and the URL that lifts the pause."""

from dataclasses import dataclass

from flask_babel import format_time

from waitercaller.model import pauses, restaurants
from waitercaller.model.restaurants import Restaurant
from waitercaller.web.routing import path_for


@dataclass(frozen=True)
class Pause:
    """A row of the list. `until` is in the restaurant's time zone."""

    id: str
    what: pauses.What
    table_name: str
    until: str
    taps: int
    many: bool
    lift_url: str


def rows(restaurant: Restaurant) -> list[Pause]:
    """The active pauses of a restaurant, oldest first; times are formatted in the current locale."""
    zone = restaurants.time_zone(restaurant)
    return [
        Pause(
            id=str(pause["_id"]),
            what=pause["what"],
            table_name=pause["table_name"],
            until=format_time(pause["until"].astimezone(zone), "HH:mm", rebase=False),
            taps=pause["taps"],
            many=pause["taps"] >= pauses.MAX_TAPS_COUNTED,
            lift_url=path_for("requests.dashboard.lift_pause", restaurant_id=restaurant["_id"], pause_id=pause["_id"]),
        )
        for pause in pauses.active(restaurant["_id"])
    ]
