"""The guest's page. It needs no login and no cookie: the code in the URL authorizes."""

import math
from typing import Any

from flask import Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from markupsafe import Markup
from werkzeug.wrappers import Response as BaseResponse

from waitercaller.alerts import due_steps
from waitercaller.db import clock
from waitercaller.live import streams
from waitercaller.model import joins, restaurants, tables
from waitercaller.model.languages import DEFAULT_LANGUAGE, LANGUAGES
from waitercaller.model.requests import queries, transitions
from waitercaller.model.restaurants import Restaurant
from waitercaller.model.tables import Table
from waitercaller.requests.guest import blueprint, call_form, calling, links, pages, phone_id, table_view
from waitercaller.requests.guest.table_view import TableView
from waitercaller.web import access, analytics, limits
from waitercaller.web.errors import DomainError
from waitercaller.web.languages import asked_language, current_language, offer
from waitercaller.web.security import guest_form

REFRESH_SECONDS = 15  # between reloads of a page without scripts while a request is live
MAX_HELD_REQUESTS = 6  # in one phone's receipt
# In each process. All guests of a restaurant may share its Wi-Fi's IP address; half of its streams are kept for phones
# that have called before.
MAX_STREAMS_PER_PHONE = 6  # one that loses its connection leaves some behind for half a minute
MAX_STREAMS_PER_TABLE = 40  # of phones that have not called
MAX_STREAMS_PER_ADDRESS, MAX_NEW_STREAMS_PER_ADDRESS = 600, 300


@blueprint.get("/t/<code:code>", strict_slashes=False)
@blueprint.get("/T/<code:code>", endpoint="printed", strict_slashes=False)
@access.anyone
@analytics.enabled(framed=True)
def page(code: str) -> ResponseReturnValue:
    """The table's page: the kinds to call for, and the state of the table's calls."""
    table, current, restaurant = _find(code)
    language, asked = current_language(), asked_language()
    receipt = _receipt(restaurant, table)
    signed = links.sign_receipt(table, receipt)
    view = table_view.read(restaurant, table, receipt.held, _phone_ids(table, receipt))
    fragment = pages.state_fragment(view, code, language, current, asked)
    return render_template(
        "requests/guest/page.html",
        restaurant_name=restaurant["name"],
        table_name=table["name"],
        fragment=Markup(fragment),  # noqa: S704 (our own template)
        form_field=links.sign_form(table),
        receipt=signed,
        refresh=_refresh(view),
        old_code=not current,
        notes=current and call_form.takes_notes(restaurant),
        languages=_languages(restaurant, language),
        call_url=url_for("requests.guest.call", code=code, lang=asked),
        live_url=url_for("requests.guest.live", code=code, r=signed, lang=asked),
        heartbeat_ms=round(streams.HEARTBEAT_SECONDS * 1000),
    )


@blueprint.post("/t/<code:code>/call")
@access.anyone
@guest_form
def call(code: str) -> ResponseReturnValue:
    """Open a request, or remind of the live one of the same kind."""
    table, current, restaurant = _find(code)
    _refuse_old_code(current)
    key = links.key_of_form(table)
    asked = call_form.read(restaurant)
    receipt = links.read_receipt(table)
    phone = phone_id.identify_or_create(table["restaurant_id"], receipt.phone, key)
    known = phone_id.counted_id(table["restaurant_id"], receipt.phone)
    calling.limit_calls(table, known or phone.id, is_known=bool(known))
    if calling.count_if_paused(restaurant, table, phone.ids):
        return _back(code, table, receipt)
    if not table_view.is_open(restaurant):
        return _back(code, table, receipt)  # the page says when the restaurant opens
    opened = transitions.open_request(
        restaurant, table, asked.kind, key, choice=asked.choice, note=asked.note, device=phone.id
    )
    due_steps.take_now([opened])
    held = [opened["_id"], *(each for each in receipt.held if each != opened["_id"])]
    answer = _back(code, table, links.Receipt(receipt.phone or phone.id, held[:MAX_HELD_REQUESTS]))
    phone.set_cookie(answer)
    return answer


@blueprint.post("/t/<code:code>/cancel")
@access.anyone
@guest_form
def cancel(code: str) -> ResponseReturnValue:
    """“Never mind”: cancel what this phone asks for."""
    table, _current, restaurant = _find(code)
    receipt = links.read_receipt(table)
    phone_ids = _phone_ids(table, receipt)
    view = table_view.read(restaurant, table, receipt.held, phone_ids)
    transitions.cancel(table_view.scope_of(restaurant), [each["_id"] for each in view.live], phone_ids)
    return _back(code, table, receipt)


@blueprint.post("/t/<code:code>/reopen")
@access.anyone
@guest_form
def reopen(code: str) -> ResponseReturnValue:
    """“Not yet?”: reopen what the staff ended, within UNDO_WINDOW."""
    table, current, restaurant = _find(code)
    _refuse_old_code(current)
    receipt = links.read_receipt(table)
    phone_ids = _phone_ids(table, receipt)
    if table_view.is_open(restaurant) and not calling.count_if_paused(restaurant, table, phone_ids):
        view = table_view.read(restaurant, table, receipt.held, phone_ids)
        transitions.reopen(table_view.scope_of(restaurant), view.reopenable_ids, by=None)
        due_steps.take_now(queries.with_ids(table_view.scope_of(restaurant), view.reopenable_ids))
    return _back(code, table, receipt)


@blueprint.get("/t/<code:code>/live")
@access.anyone
def live(code: str) -> Response:
    """Stream of the state of the table's calls, sent whenever it changes."""
    table, _current, here = _find(code)
    receipt, language, asked = links.read_receipt(table), current_language(), asked_language()
    phone_ids, interval = _phone_ids(table, receipt), streams.HEARTBEAT_SECONDS
    followed = table_view.followed(here, table, receipt.held)
    key, issued = links.page_of_form(table)

    def new_form_field() -> dict[str, str]:
        """While its stream is open a page does not grow too old to call; one that comes back too old stays so."""
        nonlocal issued
        if issued is None or clock.now() - issued < links.RENEWED_AFTER:
            return {}
        issued = clock.now()
        return {"form": links.sign_form(table)}

    def read(_woken: set[str]) -> str | None:
        nonlocal interval
        found = tables.by_code(code)
        restaurant = restaurants.get(found[0]["restaurant_id"]) if found else None
        if found is None or restaurant is None:
            return None
        view = table_view.read(restaurant, found[0], receipt.held, phone_ids)
        if not view.tables <= followed:
            raise streams.OtherTopics
        interval = view.seconds_until_reread(otherwise=streams.HEARTBEAT_SECONDS)
        return pages.state_fragment(view, code, language, found[1], asked)

    caps = _stream_limits(table, phone_id.counted_id(table["restaurant_id"], receipt.phone), key)
    topics = [f"guests:{here['_id']}", *(f"table:{each}" for each in followed)]
    return streams.respond(
        "state", topics, caps, read, revoked_reason="gone", interval=lambda: interval, besides=new_form_field
    )


def _find(code: str) -> tuple[Table, bool, Restaurant]:
    """The table, whether this is its current code, and its restaurant.

    Raises DomainError for an unknown code (404), and where an operator has suspended the restaurant (403).
    """
    found = tables.by_code(code)
    restaurant = restaurants.get_even_suspended(found[0]["restaurant_id"]) if found else None
    if found is None or restaurant is None:
        raise DomainError(_("This code is not in use. Please scan the code on your table, or wave to the staff."), 404)
    offer(_offered(restaurant))
    if restaurant.get("suspended_at"):
        raise DomainError(
            _("This restaurant takes no calls at the moment, and nobody comes because of an earlier one."),
            403,
            title=_("Please wave to the staff"),
        )
    return found[0], found[1], restaurant


def _offered(restaurant: Restaurant) -> list[str]:
    """The languages of this restaurant's guests, its main one first."""
    return [code for code in restaurant["languages"] if code in LANGUAGES] or [DEFAULT_LANGUAGE]


def _refuse_old_code(current: bool) -> None:
    """Raise DomainError for a retired code: it may follow and cancel requests, but not call."""
    if not current:
        raise DomainError(_("This code has been replaced. Please scan the new code on your table."))


def _receipt(restaurant: Restaurant, table: Table) -> links.Receipt:
    """The receipt of this HTTP request; of a known phone that has scanned the code again, a new one."""
    receipt = links.read_receipt(table)
    phone_ids = _phone_ids(table, receipt)
    if receipt.held or not phone_ids:
        return receipt
    group = joins.tables_with(restaurant, table["_id"], clock.now())
    held = queries.of_phone(table["restaurant_id"], group, phone_ids)
    return links.Receipt(phone_ids[0], held[:MAX_HELD_REQUESTS])


def _phone_ids(table: Table, receipt: links.Receipt) -> list[str]:
    """The ids of the phone that sent this HTTP request."""
    return phone_id.known_ids(table["restaurant_id"], receipt.phone)


def _stream_limits(table: Table, known_phone: str, page_key: str) -> dict[str, int]:
    """The holders of a stream and their limits: a phone that has called counts by itself, and others by their page."""
    network = limits.network()
    all_guests = {f"guests:{network}": MAX_STREAMS_PER_ADDRESS}
    if known_phone:
        return {f"phone:{known_phone}": MAX_STREAMS_PER_PHONE, **all_guests}
    page = page_key or f"{table['_id']} {network}"  # old pages of a table and address count as one
    return {
        f"page:{page}": MAX_STREAMS_PER_PHONE,
        f"table:{table['_id']}": MAX_STREAMS_PER_TABLE,
        f"new guests:{network}": MAX_NEW_STREAMS_PER_ADDRESS,
        **all_guests,
    }


def _back(code: str, table: Table, receipt: links.Receipt) -> BaseResponse:
    """Redirect to the table's page with the phone's receipt."""
    signed = links.sign_receipt(table, receipt)
    return redirect(url_for("requests.guest.page", code=code, r=signed, lang=asked_language()), 303)


def _refresh(view: TableView) -> int:
    """Seconds until a page without scripts reloads itself; 0: never."""
    if not view.live:
        return 0
    return (
        math.ceil(view.seconds_until_reread(otherwise=REFRESH_SECONDS))
        if view.is_waiting_to_be_seen
        else REFRESH_SECONDS
    )


def _languages(restaurant: Restaurant, language: str) -> list[dict[str, Any]]:
    """The languages this restaurant offers, with the URL of this page in each."""
    return [
        {
            "code": code,
            "name": LANGUAGES[code],
            "url": url_for(
                "requests.guest.page", **{**(request.view_args or {}), "r": request.args.get("r"), "lang": code}
            ),
            "current": code == language,
        }
        for code in _offered(restaurant)
    ]
