"""The quiet lane below the calls: whose taps call nobody for a while, how often they tapped, and the way back."""

from dataclasses import dataclass

from flask_babel import format_time

from waitercaller.db.client import Document
from waitercaller.model import pauses, restaurants
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


def lane(restaurant: Document) -> list[Pause]:
    """The pauses of a restaurant, the oldest first, in the language of this answer."""
    zone = restaurants.time_zone(restaurant)
    return [
        Pause(
            id=str(mute["_id"]),
            what=mute["what"],
            table_name=mute["table_name"],
            until=format_time(mute["until"].astimezone(zone), "HH:mm", rebase=False),
            taps=mute["taps"],
            many=mute["taps"] >= pauses.MOST_TAPS,
            lift_url=path_for("requests.dashboard.lift_pause", restaurant_id=restaurant["_id"], mute_id=mute["_id"]),
        )
        for mute in pauses.active(restaurant["_id"])
    ]
