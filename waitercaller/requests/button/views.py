"""The addresses of a button. The secret in the URL authorizes, as a guest's code does; answers are small JSON."""

import secrets
from typing import Any

from flask import Response, jsonify, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from waitercaller.alerts import due_steps
from waitercaller.model import buttons, restaurants
from waitercaller.model.requests import transitions
from waitercaller.model.restaurants import Restaurant
from waitercaller.model.standard_kinds import Kind, in_order
from waitercaller.model.tables import Table
from waitercaller.requests.button import blueprint
from waitercaller.requests.guest import calling, table_view
from waitercaller.requests.guest.table_view import TableView
from waitercaller.web import access, limits
from waitercaller.web.errors import DomainError
from waitercaller.web.security import guest_form

PRESSES = ("single", "double")  # which of the restaurant's kinds each asks for: the first, the second


@blueprint.get("/b/<code:secret>")
@access.anyone
def state(secret: str) -> ResponseReturnValue:
    """The state of the table's calls."""
    return _answer(*_find(secret))


@blueprint.post("/b/<code:secret>")
@access.anyone
@guest_form
def press(secret: str) -> ResponseReturnValue:
    """Call as a guest at this table would: for the first kind, or with `press=double` for the second."""
    table, restaurant = _find(secret)
    kind = _kind(restaurant)
    calling.limit_calls(table, _name(table), is_known=True)
    buttons.note_heard(table)
    if not calling.count_if_paused(restaurant, table, [_name(table)]) and table_view.is_open(restaurant):
        opened = transitions.open_request(restaurant, table, kind, secrets.token_urlsafe(12), device=_name(table))
        due_steps.take_now([opened])
    return _answer(table, restaurant)


@blueprint.post("/b/<code:secret>/hello")
@access.anyone
@guest_form
def hello(secret: str) -> ResponseReturnValue:
    """A button's sign of life; it calls nobody."""
    table, restaurant = _find(secret)
    buttons.note_heard(table)
    return _answer(table, restaurant)


@blueprint.errorhandler(DomainError)
def refused(error: DomainError) -> ResponseReturnValue:
    """JSON whatever the device accepts."""
    answer = jsonify(state="error", message=str(error.message))
    if error.retry_after:
        answer.headers["Retry-After"] = str(error.retry_after)
    return answer, error.status


def _find(secret: str) -> tuple[Table, Restaurant]:
    """The table of this button and its restaurant. Raises DomainError: 404 for an unknown secret, 429."""
    limits.check("button", secret)
    table = buttons.by_secret(secret)
    restaurant = restaurants.get(table["restaurant_id"]) if table else None
    if table is None or restaurant is None:
        raise DomainError(_("No button has this address, or not any more."), 404)
    return table, restaurant


def _kind(restaurant: Restaurant) -> Kind:
    """The kind that this press asks for; of a restaurant with one kind that one. Raises DomainError (400)."""
    given = request.values.get("press", "single")
    if given not in PRESSES:
        raise DomainError(_("A press is single or double."), 400)
    kinds = in_order(restaurant["kinds"])
    return kinds[min(PRESSES.index(given), len(kinds) - 1)]


def _name(table: Table) -> str:
    """By what the button's calls are known, as a phone's are by the hash of its cookie."""
    return f"button:{table['_id']}"


def _answer(table: Table, restaurant: Restaurant) -> Response:
    view = table_view.read(restaurant, table, [], [_name(table)])
    about: dict[str, Any] = {
        "state": _state(view),
        "seen": bool(view.waiting and (view.screens or view.phone_names)),
        "wave": view.is_overlooked,
    }
    if view.opens_at:
        about["opens_at"] = view.opens_at.isoformat(timespec="seconds")
    return jsonify(about)


def _state(view: TableView) -> str:
    """What a light shows: what waits comes before somebody who is on the way, and both before what keeps it quiet."""
    if view.live:
        return "sent" if view.waiting else "coming"
    if view.paused:
        return "paused"
    return "idle" if view.is_open else "closed"
