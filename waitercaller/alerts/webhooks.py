"""What a restaurant's webhook is told: the steps of its calls, and that nobody would hear one.

A step and the mark that the webhook is still to be told of it (`hook_due`) are one write; the messages are enqueued
soon after, each under the name of its step. So a process that dies loses none and doubles none. Neither the names of
the staff nor guests' notes are told.
"""

from datetime import timedelta
from typing import Any

from flask_babel import force_locale
from flask_babel import gettext as _

from waitercaller.db import clock
from waitercaller.hooks import outbox
from waitercaller.hooks.outbox import Message
from waitercaller.model import webhooks
from waitercaller.model.languages import DEFAULT_LANGUAGE, STAFF_LANGUAGES, in_language, table_title
from waitercaller.model.requests import queries
from waitercaller.model.restaurants import Restaurant
from waitercaller.model.service_request import ServiceRequest, Step, StepName

# The event of each step that is told.
EVENTS: dict[StepName, str] = {
    "called": "call.called",
    "reminded": "call.reminded",
    "nagged": "call.escalated",
    "raised": "call.escalated",
    "alerted": "call.escalated",
    "accepted": "call.taken",
    "passed": "call.taken",
    "returned": "call.waits_again",
    "released": "call.waits_again",
    "reopened": "call.waits_again",
    "resolved": "call.done",
    "dismissed": "call.done",
    "cancelled": "call.done",
    "withdrawn": "call.done",
}
UNHEARD, TEST = "restaurant.unheard", "test"
# Later a step is not told any more. Shorter than messages are kept, so that none is enqueued twice.
NEWS_FOR = timedelta(hours=1)


def enqueue_steps(restaurant: Restaurant, request: ServiceRequest) -> None:
    """Enqueue a message for each step of this request that is news; idempotent."""
    webhook = webhooks.of(restaurant)
    if webhook is None:
        return
    since = max(webhook["since"], clock.now() - NEWS_FOR)
    news = [(number, step) for number, step in enumerate(request["steps"]) if step["at"] >= since]
    told = [(number, step) for number, step in news if step["what"] in EVENTS]
    if not told:
        return
    waiting = _waiting(restaurant)
    with force_locale(_language(restaurant)):
        outbox.enqueue(
            restaurant["_id"],
            [
                Message(
                    f"{request['_id']}:{number}:{step['what']}",
                    EVENTS[step["what"]],
                    step["at"],
                    {**_about_step(restaurant, request, step), "waiting": waiting},
                )
                for number, step in told
            ],
        )


def enqueue_unheard(restaurant: Restaurant, occasion: str) -> None:
    """Enqueue the message that nobody would hear a call; idempotent per `occasion`."""
    if webhooks.of(restaurant):
        with force_locale(_language(restaurant)):
            text = _("%(restaurant)s: nobody would hear a call.", restaurant=restaurant["name"])
        _enqueue(restaurant, UNHEARD, occasion, text)


def enqueue_test(restaurant: Restaurant, occasion: str) -> None:
    """Enqueue a message that shows whether the webhook works."""
    with force_locale(_language(restaurant)):
        text = _("%(restaurant)s: this is a test.", restaurant=restaurant["name"])
    _enqueue(restaurant, TEST, occasion, text)


def _enqueue(restaurant: Restaurant, event: str, occasion: str, text: str) -> None:
    about = {"restaurant": _restaurant(restaurant), "text": text, "test": event == TEST}
    message = Message(occasion, event, clock.now(), {**about, "waiting": _waiting(restaurant)})
    outbox.enqueue(restaurant["_id"], [message])


def _about_step(restaurant: Restaurant, request: ServiceRequest, step: Step) -> dict[str, Any]:
    kind = in_language(request["kind_labels"], _language(restaurant))
    is_test = "rehearsal" in request
    title = str(_("Test call")) if is_test else f"{table_title(request['table_name'])}: {kind}"
    return {
        "restaurant": _restaurant(restaurant),
        "text": _text(EVENTS[step["what"]], title),
        "test": is_test,
        "step": step["what"],
        "call": {
            "id": str(request["_id"]),
            "table": request["table_name"],
            "zone": request["zone_name"],
            "kind": request["kind"],
            "kind_name": kind,
            "choice": request["choice"],
            "since": outbox.written(request["first_at"]),
        },
    }


def _text(event: str, call: str) -> str:
    """One line for people; `call` as in “Table 7: The bill”."""
    texts = {
        "call.reminded": _("%(call)s, called again", call=call),
        "call.escalated": _("%(call)s, still waiting", call=call),
        "call.taken": _("%(call)s, somebody goes", call=call),
        "call.waits_again": _("%(call)s, waiting again", call=call),
        "call.done": _("%(call)s, done", call=call),
    }
    return str(texts.get(event, call))


def _restaurant(restaurant: Restaurant) -> dict[str, str]:
    return {"id": str(restaurant["_id"]), "name": restaurant["name"]}


def _waiting(restaurant: Restaurant) -> int:
    """How many calls wait now."""
    live = queries.live_of_restaurant(restaurant["_id"])
    return sum(each["state"] == "waiting" and "rehearsal" not in each for each in live)


def _language(restaurant: Restaurant) -> str:
    first = restaurant["languages"][0]
    return first if first in STAFF_LANGUAGES else DEFAULT_LANGUAGE
