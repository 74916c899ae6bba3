"""Changes of the zones; each function returns the fields to set, for `model.settings.change`."""

from waitercaller.db.client import Changes
from waitercaller.model import restaurants
from waitercaller.model.restaurants import Restaurant
from waitercaller.model.settings import Missing
from waitercaller.settings.ordering import moved


def add(restaurant: Restaurant, zone_id: str, name: str) -> Changes:
    """Add a zone. Raises TooManyZones, and ValueError if the name is taken."""
    if any(zone["key"] == name.casefold() for zone in restaurant["zones"]):
        raise ValueError(name)
    if len(restaurant["zones"]) >= restaurants.MAX_ZONES:
        raise restaurants.TooManyZones
    return {"zones": [*restaurant["zones"], {"id": zone_id, "name": name, "key": name.casefold()}]}


def rename(restaurant: Restaurant, zone_id: str, name: str) -> Changes:
    """Rename a zone. Raises Missing, and ValueError if the name is taken."""
    if any(zone["key"] == name.casefold() and zone["id"] != zone_id for zone in restaurant["zones"]):
        raise ValueError(name)
    if all(zone["id"] != zone_id for zone in restaurant["zones"]):
        raise Missing
    new = {"name": name, "key": name.casefold()}
    return {"zones": [{**zone, **new} if zone["id"] == zone_id else zone for zone in restaurant["zones"]]}


def move(restaurant: Restaurant, zone_id: str, steps: int) -> Changes:
    """Move a zone up (-1) or down (1). Raises Missing."""
    return {"zones": moved(restaurant["zones"], zone_id, steps)}


def remove(restaurant: Restaurant, zone_id: str) -> Changes:
    """Remove a zone, also from the zones of members. Raises Missing."""
    kept = [zone for zone in restaurant["zones"] if zone["id"] != zone_id]
    if len(kept) == len(restaurant["zones"]):
        raise Missing
    members = [
        {**member, "zones": [each for each in member["zones"] if each != zone_id]} for member in restaurant["members"]
    ]
    return {"zones": kept, "members": members}
