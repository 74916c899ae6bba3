"""Takes the due steps of the escalation of requests to which nobody goes, and enqueues the messages of each step.

The messages are enqueued before the step is taken, under an occasion that only this step has. A process that dies in
between leaves a step that is still due: another one enqueues the same again, which changes nothing, and takes it. (One
transaction would do so too, but a process that dies within one leaves its request locked for a minute, for whoever
wants to accept it as well.) Whether a message is still true is decided when it is sent.
"""

import logging

from waitercaller import metrics
from waitercaller.alerts import mails, messages
from waitercaller.db.faults import is_transient
from waitercaller.model import restaurants, service_request
from waitercaller.model.requests import escalation
from waitercaller.model.service_request import ServiceRequest

log = logging.getLogger(__name__)


def escalate() -> int:
    """Take every step that is due, several with one request if need be; returns how many. Raises PyMongoError."""
    taken = 0
    while stepped := sum(_step(request) for request in escalation.due()):
        taken += stepped
    return taken


def _step(request: ServiceRequest) -> bool:
    """Take one step; whatever is wrong with one request, the others must take theirs."""
    try:
        taken = _take(request)
    except Exception as error:
        if is_transient(error):
            raise  # it is not this request's fault, and would meet all others
        metrics.BACKGROUND_FAULTS.labels("escalation").inc()
        log.exception("fault in the escalation of the request %s", request["_id"])
        return False
    if taken:
        metrics.escalated(escalation.next_step(request))
    return taken


def _take(request: ServiceRequest) -> bool:
    """Enqueue the messages of the next step, then take it; False when another process was faster."""
    restaurant, step = restaurants.get(request["restaurant_id"]), escalation.next_step(request)
    if restaurant:
        messages.enqueue(restaurant, step, request, occasion=escalation.occasion_of_next_step(request))
    if restaurant and step == "alerted":
        mails.about_waiting(restaurant, request)
    return escalation.advance(request, service_request.escalation_of(restaurant))
