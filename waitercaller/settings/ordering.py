"""The order of things in a list that people set."""

from typing import Any

from waitercaller.model.settings import Missing


def moved(things: list[Any], thing_id: str, steps: int) -> list[Any]:
    """The list with one of its things so many places on (back: -1); the ends are ends. Raises Missing."""
    place = next((place for place, thing in enumerate(things) if thing["id"] == thing_id), None)
    if place is None:
        raise Missing
    order = [*things]
    thing = order.pop(place)
    order.insert(max(0, min(len(things) - 1, place + steps)), thing)
    return order
