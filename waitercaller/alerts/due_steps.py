"""Takes the steps that are due with requests to which nobody goes, and tells whom each concerns.

What is owed for a step is written before the step, under names that only this step has. A process that dies in between
leaves a step that is still due: another one owes the same again, which changes nothing, and takes it. (One transaction
would do so too, but a process that dies within one leaves its request locked for a minute, for whoever wants to accept
it as well.) Messages and mails ask once more, when they are sent, whether what they say is still so.
"""

import logging

from waitercaller import metrics
from waitercaller.alerts import mails
from waitercaller.db.faults import is_away
from waitercaller.model import restaurants, service_request
from waitercaller.model.requests import escalation
from waitercaller.model.service_request import ServiceRequest
from waitercaller.push import outbox as pushes

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
        if is_away(error):
            raise  # it is not this request's fault, and would meet all others
        metrics.BACKGROUND_FAULTS.labels("escalation").inc()
        log.exception("fault in the escalation of the request %s", request["_id"])
        return False
    if taken:
        metrics.escalated(escalation.next_step(request))
    return taken


def _take(request: ServiceRequest) -> bool:
    """All that is owed for the next step, and the step; False when another process was faster."""
    restaurant, step = restaurants.get(request["restaurant_id"]), escalation.next_step(request)
    if restaurant:
        pushes.enqueue(restaurant, step, request, occasion=escalation.name_of_next_step(request))
    if restaurant and step == "alerted":
        mails.about_waiting(restaurant, request)
    return escalation.advance(request, service_request.escalation_of(restaurant))
