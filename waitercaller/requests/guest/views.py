"""The guest's page. It needs no login and no cookie: the code in the URL authorizes."""

import math
from typing import NamedTuple, cast

from flask import abort, g, jsonify, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from waitercaller.alerts import due_steps
from waitercaller.db import clock
from waitercaller.live import streams
from waitercaller.model import face, first_call, joins, restaurants, tables
from waitercaller.model.languages import DEFAULT_LANGUAGE, LANGUAGES
from waitercaller.model.requests import opinions, queries, rehearsals, transitions
from waitercaller.model.restaurants import Restaurant
from waitercaller.model.service_request import Opinion
from waitercaller.model.tables import Table
from waitercaller.requests.guest import blueprint, call_form, calling, links, pages, phone_id, scans, table_view
from waitercaller.requests.guest.pages import Page
from waitercaller.requests.guest.table_view import TableView
from waitercaller.web import access, analytics, limits
from waitercaller.web.errors import DomainError
from waitercaller.web.languages import asked_language, current_language, offer
from waitercaller.web.routing import path_for
from waitercaller.web.security import guest_form

# Between reloads of a page without scripts while a request is live; at first it may be seen at any moment.
REFRESH_SECONDS, FIRST_REFRESH_SECONDS = 15, 3
LONG_NAME = 14  # characters of a table's name; longer ones are set smaller


class Found(NamedTuple):
    """What a code leads to: the table, whether this is its current code, and its restaurant."""

    table: Table
    is_current: bool
    restaurant: Restaurant


@blueprint.get("/t/<code:code>", strict_slashes=False)
@blueprint.get("/T/<code:code>", endpoint="printed", strict_slashes=False)
@access.anyone
@analytics.enabled(framed=True)
def page(code: str) -> ResponseReturnValue:
    """The table's page: the kinds to call for, and the state of the table's calls."""
    table, current, restaurant = find(code)
    if answer := scans.note(table, current, restaurant):
        return answer
    language, asked = current_language(), asked_language()
    receipt = _receipt(restaurant, table)
    signed, phone_ids = links.sign_receipt(table, receipt), phone_ids_of(table, receipt)
    view = table_view.read(restaurant, table, receipt.held, phone_ids, _test(restaurant, table))
    return pages.page_html(
        _page(view, table, language, current, has_receipt=signed is not None),
        table["name"],
        fragment=pages.state_fragment(view, code, language, current, asked),
        form_field=links.sign_form(table, "".join(phone_ids[:1])),
        receipt=signed or "",
        page_url=path_for("requests.guest.page", code=code),
        call_url=path_for("requests.guest.call", code=code, lang=asked, test=view.test),
        live_url=path_for("requests.guest.live", code=code, r=signed, lang=asked, test=view.test),
    )


@blueprint.get("/t/<shortcode:short>", strict_slashes=False)
@blueprint.get("/T/<shortcode:short>", endpoint="typed_upper", strict_slashes=False)
@access.anyone
def typed(short: str) -> ResponseReturnValue:
    """The short address on a card, for a phone whose camera does not work: leads to the table's page."""
    limits.check("guest_typed")
    table = tables.by_short_code(short)
    if table is None:
        raise DomainError(_("This code is not in use. Please scan the code on your table, or wave to the staff."), 404)
    return redirect(url_for("requests.guest.page", code=table["code"]), 303)


@blueprint.post("/t/<code:code>/call")
@access.anyone
@guest_form
def call(code: str) -> ResponseReturnValue:
    """Open a request, or remind of the live one of the same kind."""
    found = find(code)
    table, current, restaurant = found
    _refuse_old_code(current)
    field = links.read_form(table)
    asked = call_form.read(restaurant, table)
    receipt = links.read_receipt(table)
    phone = phone_id.identify_or_create(table["restaurant_id"], receipt.phone, field.key)
    known = phone_id.counted_id(table["restaurant_id"], receipt.phone)
    calling.limit_calls(table, known or phone.id, is_known=bool(known))
    test = rehearsals.expected(restaurant) if _test(restaurant, table) else None
    can_call = test is not None or table_view.is_open(restaurant)
    is_taken = not calling.count_if_paused(restaurant, table, phone.ids) and can_call
    if is_taken:
        given = {"choice": asked.choice, "note": asked.note, "device": phone.id, "rehearsal": test}
        opened = transitions.open_request(restaurant, table, asked.kind, field.key, **given)  # type: ignore[arg-type]
        if test:
            first_call.note_call(restaurant["_id"], opened["_id"])
        due_steps.take_now([opened])
        held = [opened["_id"], *(each for each in receipt.held if each != opened["_id"])]
        receipt = links.Receipt(receipt.phone or phone.id, held[: links.MAX_HELD_REQUESTS])
    # Otherwise the page says why nobody comes.
    stays = phone.id == phone_id.id_in_stream(table, field)
    answer = _answer(code, found, receipt, phone.ids, is_taken, stays)
    if is_taken:
        phone.set_cookie(answer)
    return answer


@blueprint.post("/t/<code:code>/cancel")
@access.anyone
@guest_form
def cancel(code: str) -> ResponseReturnValue:
    """“Never mind”: cancel what this phone asks for."""
    found = find(code)
    table, _current, restaurant = found
    receipt = links.read_receipt(table)
    phone_ids = phone_ids_of(table, receipt)
    view = table_view.read(restaurant, table, receipt.held, phone_ids)
    transitions.cancel(table_view.scope_of(restaurant), [each["_id"] for each in view.live], phone_ids)
    return _answer(code, found, receipt, phone_ids)


@blueprint.post("/t/<code:code>/reopen")
@access.anyone
@guest_form
def reopen(code: str) -> ResponseReturnValue:
    """“Not yet?”: reopen what the staff ended, within UNDO_WINDOW."""
    found = find(code)
    table, current, restaurant = found
    _refuse_old_code(current)
    receipt = links.read_receipt(table)
    phone_ids = phone_ids_of(table, receipt)
    if table_view.is_open(restaurant) and not calling.count_if_paused(restaurant, table, phone_ids):
        view = table_view.read(restaurant, table, receipt.held, phone_ids)
        transitions.reopen(table_view.scope_of(restaurant), view.reopenable_ids, by=None)
        due_steps.take_now(queries.with_ids(table_view.scope_of(restaurant), view.reopenable_ids))
    return _answer(code, found, receipt, phone_ids)


@blueprint.post("/t/<code:code>/opinion")
@access.anyone
@guest_form
def opinion(code: str) -> ResponseReturnValue:
    """“Was it all right?”: keep what the guest says of the call that was done last; once, and only of this phone's."""
    found = find(code)
    table, _current, restaurant = found
    said = request.form.get("opinion")
    if said not in ("good", "bad"):
        abort(400)
    receipt = links.read_receipt(table)
    phone_ids = phone_ids_of(table, receipt)
    about = table_view.read(restaurant, table, receipt.held, phone_ids).asked_about
    if about:
        opinions.keep(table_view.scope_of(restaurant), about["_id"], cast(Opinion, said))
    return _answer(code, found, receipt, phone_ids)


def find(code: str) -> Found:
    """What this code leads to.

    Raises DomainError for an unknown code (404), and where an operator has suspended the restaurant (403).
    """
    found = tables.by_code(code)
    restaurant = restaurants.get_even_suspended(found[0]["restaurant_id"]) if found else None
    if found is None or restaurant is None:
        raise DomainError(_("This code is not in use. Please scan the code on your table, or wave to the staff."), 404)
    offer(_offered(restaurant))
    calling.refuse_suspended(restaurant)
    return Found(found[0], found[1], restaurant)


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
    phone_ids = phone_ids_of(table, receipt)
    if receipt.held or not phone_ids:
        return receipt
    group = joins.tables_with(restaurant, table["_id"], clock.now())
    held = queries.of_phone(table["restaurant_id"], group, phone_ids)
    return links.Receipt(phone_ids[0], held[: links.MAX_HELD_REQUESTS])


def phone_ids_of(table: Table, receipt: links.Receipt) -> list[str]:
    """The ids of the phone that sent this HTTP request."""
    return phone_id.known_ids(table["restaurant_id"], receipt.phone)


def _answer(
    code: str, found: Found, receipt: links.Receipt, phone_ids: list[str], called: bool = False, stays: bool = True
) -> BaseResponse:
    """The answer to a form: for a script the state, a new form field and the receipt; otherwise the way to the page.

    `called`: whether a call was taken; `stays`: whether the page's stream knows this phone, so that it may stay open.
    """
    table, current, restaurant = found
    signed, asked = links.sign_receipt(table, receipt), asked_language()
    test = _test(restaurant, table)
    page_url = url_for("requests.guest.page", code=code, r=signed, lang=asked, test=test)
    if request.form.get("answer") != "state":
        return redirect(page_url, 303)
    view = table_view.read(restaurant, table, receipt.held, phone_ids, test)
    return jsonify(
        html=pages.state_fragment(view, code, current_language(), current, asked),
        form=links.sign_form(table, "".join(phone_ids[:1])),
        r=signed or "",
        url=page_url,
        live=url_for("requests.guest.live", code=code, r=signed, lang=asked, test=test),
        called=called,
        stays=stays,
    )


def _test(restaurant: Restaurant, table: Table) -> str | None:
    """The token by which this phone makes the owner's first call, if it is good."""
    return first_call.good_token(request.args.get("test"), restaurant, table)


def _refresh(view: TableView) -> int:
    """Seconds until a page without scripts reloads itself; 0: never."""
    if not view.live:
        return 0
    if not view.is_waiting_to_be_seen:
        return REFRESH_SECONDS
    return math.ceil(view.seconds_until_reread(otherwise=FIRST_REFRESH_SECONDS))


def _page(view: TableView, table: Table, language: str, current: bool, has_receipt: bool) -> Page:
    """What the page shows beside the values of its PLACES."""
    restaurant, own = view.restaurant, face.of(view.restaurant)
    return Page(
        language,
        tuple(_offered(restaurant)),
        restaurant["name"],
        own.get("colour"),
        own.get("logo"),
        tuple((link["url"], link["label"]) for link in own.get("links", [])),
        has_long_name=len(table["name"]) > LONG_NAME,
        has_receipt=has_receipt,
        refresh=_refresh(view),
        old_code=not current,
        notes=current and call_form.takes_notes(restaurant),
        test=view.test,
        analytics=g.get("analytics"),
        heartbeat_ms=round(streams.HEARTBEAT_SECONDS * 1000),
    )
