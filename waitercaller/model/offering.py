"""What guests can ask for at a table now: a kind may be offered in some zones only, or at some hours of the day."""

from datetime import datetime, timedelta

from waitercaller.model import restaurants
from waitercaller.model.restaurants import Restaurant
from waitercaller.model.standard_kinds import Kind, in_order

SENT_LATE = timedelta(minutes=10)  # a guest's phone sends a tap for so long; see static/js/guest-outbox.js


def offered(restaurant: Restaurant, zone_id: str | None, at: datetime) -> list[Kind]:
    """The kinds that are offered at a table of this zone, in order; at least one, since a guest needs one to tap."""
    active = in_order(restaurant["kinds"])
    time = at.astimezone(restaurants.time_zone(restaurant)).strftime("%H:%M")
    here = [kind for kind in active if not kind.get("zones") or zone_id in kind["zones"]]
    return [kind for kind in here if _is_within(kind, time)] or here[:1] or active[:1]


def was_offered(restaurant: Restaurant, zone_id: str | None, at: datetime, kind: Kind) -> bool:
    """Whether it is offered, or was when a tap that arrives late was made."""
    return any(kind in offered(restaurant, zone_id, each) for each in (at, at - SENT_LATE))


def _is_within(kind: Kind, time: str) -> bool:
    """Whether this time of day, as "18:30", is within the kind's hours, which may end after midnight."""
    hours = kind.get("hours")
    if not hours:
        return True
    opens, closes = hours["opens"], hours["closes"]
    return opens <= time < closes if opens < closes else time >= opens or time < closes
