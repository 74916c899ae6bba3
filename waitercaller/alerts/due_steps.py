"""Takes the due steps of live requests, and enqueues the messages of each step.

The messages are enqueued before the step is taken, under an occasion that only this step has. A process that dies in
between leaves a step that is still due: another one enqueues the same again, which changes nothing, and takes it. (One
transaction would do so too, but a process that dies within one leaves its request locked for a minute, for whoever
wants to accept it as well.) Whether a message is still true is decided when it is sent.
"""

import logging
from collections.abc import Callable, Iterable

from bson import ObjectId

from waitercaller import metrics
from waitercaller.alerts import mails, messages, webhooks
from waitercaller.db import clock
from waitercaller.db.faults import is_transient
from waitercaller.model import restaurants
from waitercaller.model.requests import escalation
from waitercaller.model.service_request import ServiceRequest

log = logging.getLogger(__name__)


def escalate() -> int:
    """Take every step that is due, replace messages on phones that are out of date, and tell webhooks.

    Returns the number of steps. Raises PyMongoError.

    A request whose step fails is left out until the next call, so it does not keep the others from theirs.
    """
    taken, failed = 0, set[ObjectId]()
    while batch := escalation.due(without=failed):
        for request in batch:
            done = _attempt(_take, request)
            taken += done
            if not done:
                failed.add(request["_id"])
    for request in escalation.untold():
        _attempt(_tell_outcome, request)
        escalation.note_told(request)
    for request in escalation.hook_due():
        _attempt(_tell_webhook, request)
        escalation.note_hook_told(request)
    return taken


def take_now(requests: Iterable[ServiceRequest]) -> None:
    """Take the steps of these requests that are due, without waiting for the next call of `escalate`.

    Never raises on account of the database: `escalate` takes them then.
    """
    now = clock.now()
    for request in requests:
        if request["due_at"] is not None and request["due_at"] <= now:
            try:
                _attempt(_take, request)
            except Exception as error:
                if not is_transient(error):
                    raise
                log.warning("a step is left to the background: %s", type(error).__name__)


def _attempt(act: Callable[[ServiceRequest], bool], request: ServiceRequest) -> bool:
    """Whatever is wrong with one request, the others must take their steps."""
    try:
        return act(request)
    except Exception as error:
        if is_transient(error):
            raise  # it is not this request's fault, and would meet all others
        metrics.BACKGROUND_FAULTS.labels("escalation").inc()
        log.exception("fault in the escalation of the request %s", request["_id"])
        return False


def _take(request: ServiceRequest) -> bool:
    """Enqueue the messages of the next step, then take it; False when another process was faster."""
    restaurant = restaurants.get(request["restaurant_id"])
    turn = escalation.turn_of(request, restaurant)
    if restaurant and turn.told:
        messages.enqueue_step(restaurant, turn.told, request, escalation.occasion_of_next_step(request))
    if restaurant and "alerted" in turn.steps:
        mails.about_waiting(restaurant, request)
    taken = escalation.advance(request, turn)
    if taken and "rehearsal" not in request:
        for step in turn.steps:
            metrics.escalated(step)
    return taken


def _tell_webhook(request: ServiceRequest) -> bool:
    """Enqueue the messages about its steps."""
    restaurant = restaurants.get(request["restaurant_id"])
    if restaurant:
        webhooks.enqueue_steps(restaurant, request)
    return restaurant is not None


def _tell_outcome(request: ServiceRequest) -> bool:
    """Replace the messages about it on phones by what has happened."""
    restaurant = restaurants.get_even_suspended(request["restaurant_id"])
    if restaurant:
        messages.enqueue_outcome(restaurant, request)
    return restaurant is not None
