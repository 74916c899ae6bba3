"""Reordering of lists."""

from typing import Any

from waitercaller.model.settings import Missing


def moved(items: list[Any], item_id: str, steps: int) -> list[Any]:
    """The list with the item moved by `steps`, clamped to the ends. Raises Missing."""
    index = next((index for index, item in enumerate(items) if item["id"] == item_id), None)
    if index is None:
        raise Missing
    order = [*items]
    item = order.pop(index)
    order.insert(max(0, min(len(items) - 1, index + steps)), item)
    return order
