"""The face of a restaurant, as its settings keep it; see `face`."""

from typing import NotRequired, TypedDict


class Link(TypedDict):
    """A link on the guest's page."""

    label: str
    url: str  # https


class Face(TypedDict):
    """What guests see of a restaurant beside its name (`restaurant.settings.face`)."""

    logo: NotRequired[str]  # `_id` in `logos`
    colour: NotRequired[str]  # "#8a3b12"
    links: NotRequired[list[Link]]
