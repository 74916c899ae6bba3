"""Takes the steps that are due with requests to which nobody goes, and tells whom each concerns."""

import logging

from pymongo.client_session import ClientSession
from pymongo.errors import ConnectionFailure, OperationFailure

from waitercaller import metrics, restaurants
from waitercaller.alerts import mails, store
from waitercaller.db import transaction
from waitercaller.push import store as pushes
from waitercaller.requests import escalation, model
from waitercaller.requests.model import ServiceRequest

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
    except ConnectionFailure:
        raise
    except OperationFailure as error:
        # Another process takes this very step, or has died while it did; it is tried again in a second.
        log.info("the request %s takes its step later: %s", request["_id"], type(error).__name__)
        return False
    except Exception:
        metrics.BACKGROUND_FAULTS.labels("escalation").inc()
        log.exception("fault in the escalation of the request %s", request["_id"])
        return False
    if taken:
        metrics.escalated(escalation.next_step(request))
    return taken


def _take(request: ServiceRequest) -> bool:
    """The step and all that is owed for it: both, or neither."""
    restaurant, step = restaurants.get(request["restaurant_id"]), escalation.next_step(request)
    to_mail = mails.of_managers(restaurant) if restaurant and step == "alerted" else []
    if to_mail:
        store.prepare(request["restaurant_id"])

    def work(session: ClientSession | None) -> bool:
        if not escalation.advance(request, model.escalation_of(restaurant), session):
            return False
        if restaurant:
            pushes.enqueue(restaurant, step, request, session)
        if restaurant and to_mail and store.note_mail(restaurant["_id"], session):
            mails.owe("unanswered", restaurant, to_mail, session)
        return True

    return transaction(work)
