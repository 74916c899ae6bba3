"""What push messages about calls say, and whether that is still true: decided when they are sent.

A "#" in a text stands for the time, which the phone writes as its people do.
"""

from datetime import datetime

from bson import ObjectId
from flask_babel import gettext as _

from waitercaller.alerts.messages import AUDIENCES, is_heard_by_a_phone
from waitercaller.db import clock
from waitercaller.model import duty, joins, opening, presence, tables, unheard
from waitercaller.model.askers import choices
from waitercaller.model.languages import in_language, table_title, text_direction
from waitercaller.model.messages import Push
from waitercaller.model.requests import queries
from waitercaller.model.restaurants import Restaurant
from waitercaller.model.service_request import ServiceRequest, taker_id
from waitercaller.push import outbox

MAX_NAMES = 5  # of tables and zones in one message


@outbox.prepares("called")
def _called(push: Push, restaurant: Restaurant, language: str) -> outbox.Message | None:
    """Where the request has a zone, that is shown instead of the text: the time is news only later."""
    request = _waiting(push)
    return request and _with_button(
        _about_call(request, _("Called at #"), restaurant, language, place=request["zone_name"])
    )


@outbox.prepares("again")
def _again(push: Push, restaurant: Restaurant, language: str) -> outbox.Message | None:
    request = _live(push)
    if request is None or taker_id(request) != push["context"]["by"]:
        return None
    text = _("The guest has called again. Waiting since #.")
    return _about_call(request, text, restaurant, language)


@outbox.prepares("nagged")
@outbox.prepares("raised")
@outbox.prepares("repeated")
def _still_waiting(push: Push, restaurant: Restaurant, language: str) -> outbox.Message | None:
    request = _waiting(push)
    return request and _with_button(_about_call(request, _("Still waiting, since #."), restaurant, language))


@outbox.prepares("alerted")
def _alerted(push: Push, restaurant: Restaurant, language: str) -> outbox.Message | None:
    request = _waiting(push)
    text = _("Has been waiting since #, and nobody has answered. Please see to it.")
    return request and _with_button(_about_call(request, text, restaurant, language))


@outbox.prepares("passed")
def _passed(push: Push, restaurant: Restaurant, language: str) -> outbox.Message | None:
    request = _accepted(push)
    if request is None or request["passed_by"] is None:
        return None
    text = _("%(name)s asks you to go.", name=request["passed_by"]["name"])
    return _about_call(request, text, restaurant, language)


@outbox.prepares("taker_reminded")
def _taker_reminded(push: Push, restaurant: Restaurant, language: str) -> outbox.Message | None:
    request = _accepted(push)
    text = _("You are on the way, and this guest has been waiting since #.")
    return request and _about_call(request, text, restaurant, language)


@outbox.prepares("colleagues_told")
def _colleagues_told(push: Push, restaurant: Restaurant, language: str) -> outbox.Message | None:
    request = _accepted(push)
    if request is None or request["by"] is None:
        return None
    text = _("%(name)s is on the way, but the guest still waits, since #.", name=request["by"]["name"])
    return _about_call(request, text, restaurant, language)


@outbox.prepares("returned")
def _returned(push: Push, restaurant: Restaurant, language: str) -> outbox.Message | None:
    request = _waiting(push)
    return request and _about_call(request, _("Nobody has gone yet. Waiting again, since #."), restaurant, language)


@outbox.prepares("outcome")
def _outcome(push: Push, restaurant: Restaurant, language: str) -> outbox.Message | None:
    """In place of an earlier message, without a sound."""
    request = _request(push)
    if request is None or (request["state"], taker_id(request)) != (push["context"]["state"], push["context"]["by"]):
        return None
    name = request["by"]["name"] if request["by"] else ""
    text = {
        "waiting": _("Waiting again, since #."),
        "accepted": _("%(name)s is on the way.", name=name),
        "resolved": _("Done."),
        "dismissed": _("Nobody was there."),
        "cancelled": _("The guest needs nothing any more."),
        "withdrawn": _("The test is over.") if "rehearsal" in request else _("The table was removed."),
    }[request["state"]]
    message = _about_call(request, text, restaurant, language)
    return {**(_with_button(message) if request["state"] == "waiting" else message), "silent": True}


@outbox.prepares("unheard")
def _unheard(push: Push, restaurant: Restaurant, language: str) -> outbox.Message | None:
    if not unheard.is_unheard(push["restaurant_id"]):
        return None
    text = _("No screen with sound shows the calls. Guests may be waiting unheard.")
    return _about_restaurant(push, text, restaurant, language)


@outbox.prepares("not_ready")
def _not_ready(push: Push, restaurant: Restaurant, language: str) -> outbox.Message | None:
    """Before an opening; nothing once somebody would hear a call, or it is open already."""
    opens = opening.opens_within(restaurant, clock.now(), AUDIENCES["not_ready"].time_to_live)
    if opens is None or is_heard_by_a_phone(restaurant) or restaurant["_id"] in presence.heard():
        return None
    text = _("Opens at #. No screen with sound is open, and no phone is told of calls.")
    return _message(restaurant["name"], text, push["event"], opens, restaurant, language)


@outbox.prepares("uncovered")
def _uncovered(push: Push, restaurant: Restaurant, language: str) -> outbox.Message | None:
    text = uncovered_text(restaurant, push["context"]["table_ids"], push["context"]["zone_ids"])
    return _about_restaurant(push, text, restaurant, language) if text else None


@outbox.prepares("tried")
def _tried(push: Push, restaurant: Restaurant, language: str) -> outbox.Message | None:
    return _about_restaurant(push, _("This is how calls reach this phone."), restaurant, language)


def _with_button(message: outbox.Message) -> outbox.Message:
    return {**message, "action": str(_("I’m going"))}


def uncovered_text(restaurant: Restaurant, table_ids: list[ObjectId], zone_ids: list[str]) -> str | None:
    """Which of these tables and zones nobody on duty has, and who hears their calls now.

    None where somebody has them all again, and where the house is closing: the last one has left and no hours say
    that it is open.
    """
    now = clock.now()
    present = duty.entries(restaurant, now)
    if not present and not opening.is_expected(restaurant, now, is_active=False):
        return None
    left = set(duty.still_uncovered(restaurant, table_ids, now))
    found = [table for table in tables.of_restaurant(restaurant["_id"]) if table["_id"] in left]
    covered = {zone for entry in present for zone in entry["zones"]}
    zones = [zone["name"] for zone in restaurant["zones"] if zone["id"] in zone_ids and zone["id"] not in covered]
    names = [*zones, *(table_title(table["name"]) for table in found)]
    if not names:
        return None
    what = ", ".join(names[:MAX_NAMES]) + (", …" if len(names) > MAX_NAMES else "")
    if not present:
        return str(_("%(tables)s: nobody is on duty any more. The calls go to everybody now.", tables=what))
    hearing = duty.on_duty(restaurant, now) if zones else set()
    for table in found:
        called_with = joins.tables_with(restaurant, table["_id"], now)
        hearing |= duty.first_to_hear(restaurant, called_with, table["zone_id"], now)
    who = ", ".join(member["name"] for member in restaurant["members"] if member["id"] in hearing)
    text = _("%(tables)s: whoever had this is off duty. The calls go to %(names)s now.", tables=what, names=who)
    return str(text)


def _request(push: Push) -> ServiceRequest | None:
    """The request that a message is about."""
    found = queries.with_ids({"restaurant_id": push["restaurant_id"]}, [push["context"]["request_id"]])
    return found[0] if found else None


def _live(push: Push) -> ServiceRequest | None:
    """The same; None once it has ended."""
    request = _request(push)
    return request if request and request["live"] else None


def _waiting(push: Push) -> ServiceRequest | None:
    """The same; None once somebody goes, or it has ended."""
    request = _request(push)
    return request if request and request["state"] == "waiting" else None


def _accepted(push: Push) -> ServiceRequest | None:
    """The same; None unless the member of the time of the message still goes."""
    request = _live(push)
    return request if request and request["by"] and taker_id(request) == push["context"]["by"] else None


def _about_call(
    request: ServiceRequest, text: str, restaurant: Restaurant, language: str, place: str | None = None
) -> outbox.Message:
    if "rehearsal" in request:
        title = str(_("Test call"))
        return _message(title, text, str(request["_id"]), request["first_at"], restaurant, language)
    wish = in_language(request["kind_labels"], language)
    if chosen := [in_language(names, language) for names in choices(request)]:
        wish += f" ({', '.join(chosen)})"
    title = f"{table_title(request['table_name'])}: {wish}"
    return _message(title, text, str(request["_id"]), request["first_at"], restaurant, language, place)


def _about_restaurant(push: Push, text: str, restaurant: Restaurant, language: str) -> outbox.Message:
    return _message(restaurant["name"], text, push["event"], clock.now(), restaurant, language)


def _message(
    title: str, text: str, subject: str, at: datetime, restaurant: Restaurant, language: str, place: str | None = None
) -> outbox.Message:
    home = f"/r/{restaurant['_id']}/dashboard"
    return {
        "title": title,
        "text": str(text),
        "place": place,
        "at": clock.milliseconds(at),
        "tag": f"{home}#{subject}",
        "url": home,
        "language": language,
        "direction": text_direction(language),
        "silent": False,
    }
