"""The quiet lane below the calls: whose taps call nobody for a while, how often they tapped, and the way back."""

from dataclasses import dataclass

from flask_babel import format_time

from waitercaller.model import pauses, restaurants
from waitercaller.model.restaurants import Restaurant
from waitercaller.web.routing import path_for


@dataclass(frozen=True)
class Pause:
    """A line of the lane. `until` is told by the clock on the restaurant's wall."""

    id: str
    what: pauses.What
    table_name: str
    until: str
    taps: int
    many: bool
    lift_url: str


def lane(restaurant: Restaurant) -> list[Pause]:
    """The pauses of a restaurant, the oldest first, in the language of this answer."""
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
