"""The mails to those who run a restaurant: guests wait and nobody goes; nobody would hear a call.

What each says is decided when it is sent: a mail that comes late must not tell of what is over.
"""

from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

from bson import ObjectId
from flask_babel import format_timedelta
from flask_babel import gettext as _
from pymongo.client_session import ClientSession

from waitercaller.alerts import message_texts, messages
from waitercaller.db import clock
from waitercaller.mail import outbox
from waitercaller.model import face, opening, presence, restaurants, unheard, users
from waitercaller.model.languages import DEFAULT_LANGUAGE, STAFF_LANGUAGES, table_title
from waitercaller.model.requests import escalation, queries
from waitercaller.model.restaurants import Restaurant
from waitercaller.model.service_request import ServiceRequest
from waitercaller.web.opening_words import local_time_text
from waitercaller.web.routing import address_of

# At most one mail about waiting guests in this time: where every call waits two minutes, one evening fills no mailbox.
MAIL_INTERVAL = timedelta(minutes=15)
UNITS = [timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)]


def about_waiting(restaurant: Restaurant, request: ServiceRequest) -> None:
    """Enqueue a mail to owners and managers where the restaurant wants that, at most one in MAIL_INTERVAL.

    Its occasion is the number of the interval, so that a step that is tried again enqueues it once. A rehearsal has a
    mail of its own, which keeps no other back.
    """
    if not restaurant["settings"].get("alert_mail") or request["due_at"] is None:
        return
    if "rehearsal" in request:
        by = request["steps"][0]["by"]
        about: dict[str, Any] = {"by": by["name"] if by else "", "at": request["first_at"]}
        _enqueue("rehearsal", restaurant, ("owner", "manager"), f"rehearsal:{request['_id']}", **about)
        return
    interval = int(request["due_at"].timestamp() // MAIL_INTERVAL.total_seconds())
    this, before = (f"unanswered:{restaurant['_id']}:{number}" for number in (interval, interval - 1))
    _enqueue("unanswered", restaurant, ("owner", "manager"), this, before)


def about_silence(restaurant: Restaurant, occasion: str) -> None:
    """Enqueue a mail to the owners that nobody would hear a call; idempotent per `occasion`."""
    _enqueue("unheard", restaurant, ("owner",), occasion)


def about_opening(restaurant: Restaurant, occasion: str) -> None:
    """Enqueue a mail that nobody would hear a call at the next opening; idempotent per `occasion`.

    To owners and managers without a phone: the others are told by push.
    """
    without = [member for member in restaurant["members"] if not messages.has_phone(member)]
    _enqueue("not_ready", {**restaurant, "members": without}, ("owner", "manager"), occasion)


@outbox.prepares("not_ready")
def restaurant_not_ready(to: str, context: dict[str, Any]) -> outbox.Prepared | None:
    """That nobody would hear a call when it opens; nothing once somebody would, or it is open already."""
    restaurant = restaurants.get(context["restaurant_id"])
    opens = restaurant and opening.opens_within(restaurant, clock.now(), MAIL_INTERVAL)
    if restaurant is None or opens is None:
        return None
    if messages.is_heard_by_a_phone(restaurant) or restaurant["_id"] in presence.heard():
        return None
    return _prepared("not_ready", restaurant, time=local_time_text(restaurant, opens))


def about_uncovered(
    restaurant: Restaurant, occasion: str, table_ids: list[ObjectId], zone_ids: list[str], txn: ClientSession | None
) -> None:
    """Enqueue a mail to owners and managers that nobody has these tables and zones any more."""
    about: dict[str, Any] = {"table_ids": table_ids, "zone_ids": zone_ids}
    _enqueue("uncovered", restaurant, ("owner", "manager"), occasion, txn=txn, **about)


@outbox.prepares("unanswered")
def unanswered(to: str, context: dict[str, Any]) -> outbox.Prepared | None:
    """Who waits now, since when; nothing once somebody goes to each of them."""
    restaurant = restaurants.get(context["restaurant_id"])
    live = queries.live_of_restaurant(context["restaurant_id"])
    alone = [each for each in live if "rehearsal" not in each and escalation.is_unanswered(each)]
    if restaurant is None or not alone:
        return None
    return _prepared("unanswered", restaurant, waits=_waits(alone), rest=format_timedelta(MAIL_INTERVAL))


@outbox.prepares("rehearsal")
def rehearsal(to: str, context: dict[str, Any]) -> outbox.Prepared | None:
    """That this is how managers are alerted; also once the rehearsal is over, which takes half a minute."""
    restaurant = restaurants.get(context["restaurant_id"])
    if restaurant is None:
        return None
    time = local_time_text(restaurant, context["at"])
    return _prepared("rehearsal", restaurant, name=context["by"] or _("Somebody"), time=time)


@outbox.prepares("unheard")
def unheard_restaurant(to: str, context: dict[str, Any]) -> outbox.Prepared | None:
    """That nobody would hear a call; nothing once somebody would."""
    restaurant_id: ObjectId = context["restaurant_id"]
    restaurant = restaurants.get(restaurant_id)
    if restaurant is None or not unheard.is_unheard(restaurant_id):
        return None
    silent = presence.is_watched(restaurant_id)
    unheard_after = format_timedelta(unheard.UNHEARD_AFTER)
    return _prepared(
        "unheard",
        restaurant,
        silent=silent,
        patience=unheard_after,
        has_hours=bool(restaurant["hours"]),
        active_for=format_timedelta(unheard.ACTIVE_FOR, threshold=1),
    )


@outbox.prepares("uncovered")
def uncovered(to: str, context: dict[str, Any]) -> outbox.Prepared | None:
    """Which tables and zones nobody has; nothing once somebody has them."""
    restaurant = restaurants.get(context["restaurant_id"])
    text = message_texts.uncovered_text(restaurant, context["table_ids"], context["zone_ids"]) if restaurant else None
    if restaurant is None or text is None:
        return None
    return _prepared("uncovered", restaurant, text=text)


def _enqueue(
    name: str,
    restaurant: Restaurant,
    roles: tuple[str, ...],
    occasion: str,
    before: str = "",
    txn: ClientSession | None = None,
    **context: Any,
) -> None:
    """Enqueue a mail to each such member, unless theirs of the occasion `before` is younger than MAIL_INTERVAL."""
    first = restaurant["languages"][0]
    language = first if first in STAFF_LANGUAGES else DEFAULT_LANGUAGE
    theirs = [member["user_id"] for member in restaurant["members"] if member["role"] in roles and member["user_id"]]
    for user_id, address in users.addresses(theirs).items():
        once = f"{occasion}:{user_id}"
        if before and outbox.was_enqueued(f"{before}:{user_id}", since=clock.now() - MAIL_INTERVAL):
            continue
        about = {"restaurant_id": restaurant["_id"], **context}
        outbox.enqueue(name, address, txn=txn, language=language, occasion=once, **about)


def _prepared(template: str, restaurant: Restaurant, **context: Any) -> outbox.Prepared:
    """A mail that speaks for this restaurant, with a link to its calls."""
    link = address_of("requests.dashboard.page", restaurant_id=restaurant["_id"])
    return outbox.Prepared(
        template, {"restaurant_name": restaurant["name"], "link": link, **context}, face.of(restaurant)
    )


def _waits(requests: list[ServiceRequest]) -> list[str]:
    """Each table with the time that its oldest request has waited; `requests` are sorted by age."""
    oldest = {request["table_name"]: request for request in reversed(requests)}  # joined tables have one name
    by_age = sorted(oldest.values(), key=itemgetter("first_at"))
    return [f"{table_title(request['table_name'])} ({_since(request['first_at'])})" for request in by_age]


def _since(first_at: datetime) -> str:
    """How long ago, in whole hours, minutes or seconds: only time that has really passed."""
    passed = clock.now() - first_at
    unit = max(unit for unit in UNITS if unit <= max(passed, UNITS[0]))
    return str(format_timedelta(passed - passed % unit, threshold=1))
