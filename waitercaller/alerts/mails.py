"""The mails to those who run a restaurant: guests wait and nobody goes; nobody would hear a call.

Each is made when it is sent, of what is so then: a mail that comes late must not tell of what is over.
"""

from bson import ObjectId
from flask_babel import format_timedelta
from flask_babel import gettext as _
from pymongo.client_session import ClientSession

from waitercaller import clock, mail, presence, restaurants
from waitercaller.alerts import store
from waitercaller.db import Document
from waitercaller.i18n import DEFAULT_LANGUAGE, STAFF_LANGUAGES
from waitercaller.requests import escalation, reading
from waitercaller.requests.model import ServiceRequest
from waitercaller.routing import address_of
from waitercaller.staff import store as staff

LAST_LEVEL = len(escalation.STEPS)


def of_managers(restaurant: Document) -> list[str]:
    """The addresses of owners and managers, where the restaurant wants mails about guests who wait."""
    return _addresses(restaurant, "owner", "manager") if restaurant["settings"].get("alert_mail") else []


def of_owners(restaurant: Document) -> list[str]:
    """The addresses of the owners."""
    return _addresses(restaurant, "owner")


def owe(name: str, restaurant: Document, addresses: list[str], session: ClientSession | None) -> None:
    """Owe each of these addresses the mail called `name` about this restaurant."""
    first = restaurant["languages"][0]
    language = first if first in STAFF_LANGUAGES else DEFAULT_LANGUAGE
    for address in addresses:
        mail.enqueue(name, address, session=session, language=language, restaurant_id=restaurant["_id"])


@mail.prepares("unanswered")
def unanswered(to: str, context: Document) -> mail.Prepared | None:
    """Who waits now, since when; nothing once somebody goes to each of them."""
    restaurant = restaurants.get(context["restaurant_id"])
    live = reading.live_of_restaurant(context["restaurant_id"])
    alone = [request for request in live if request["state"] == "waiting" and request["level"] == LAST_LEVEL]
    if restaurant is None or not alone:
        return None
    return mail.Prepared(
        "unanswered", {**_about(restaurant), "waits": _waits(alone), "rest": format_timedelta(store.REST)}
    )


@mail.prepares("unwatched")
def unwatched(to: str, context: Document) -> mail.Prepared | None:
    """That nobody would hear a call; nothing once somebody would."""
    restaurant_id: ObjectId = context["restaurant_id"]
    restaurant = restaurants.get(restaurant_id)
    if restaurant is None or not store.is_unheard(restaurant_id):
        return None
    silent = presence.is_watched(restaurant_id)
    return mail.Prepared(
        "unwatched", {**_about(restaurant), "silent": silent, "patience": format_timedelta(store.PATIENCE)}
    )


def _about(restaurant: Document) -> Document:
    link = address_of("requests.dashboard", restaurant_id=restaurant["_id"])
    return {"restaurant_name": restaurant["name"], "link": link}


def _waits(requests: list[ServiceRequest]) -> list[str]:
    """Each table with the time that its oldest request has waited; `requests` are sorted by age."""
    now, oldest = clock.now(), {request["table_id"]: request for request in reversed(requests)}
    return [
        f"{_table(request['table_name'])} ({format_timedelta(now - request['first_at'])})"
        for request in sorted(oldest.values(), key=lambda request: request["first_at"])
    ]


def _table(name: str) -> str:
    return str(_("Table %(name)s", name=name)) if name.isdecimal() else name


def _addresses(restaurant: Document, *roles: str) -> list[str]:
    theirs = [member["user_id"] for member in restaurant["members"] if member["role"] in roles and member["user_id"]]
    return sorted(staff.addresses(theirs).values())
