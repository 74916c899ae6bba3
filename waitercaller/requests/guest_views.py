"""The guest's page. No login and no cookie: the code in the address is the authority."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from bson import ObjectId
from flask import Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from itsdangerous import BadData
from markupsafe import Markup

from waitercaller import access, analytics, clock, limits, restaurants
from waitercaller.db import Document
from waitercaller.errors import DomainError
from waitercaller.i18n import LANGUAGES, current_language
from waitercaller.requests import blueprint, guest_pages, store, streams
from waitercaller.security import guest_form
from waitercaller.tables import store as tables
from waitercaller.tokens import serializer

PAGE_LIFETIME = timedelta(hours=6)  # a page left open overnight must not call for the next guests
RECEIPTS = 6  # how many requests one phone follows
STREAMS_OF_A_TABLE = 40
STREAMS_OF_AN_ADDRESS = 600  # all guests of a house share the Wi-Fi's address


class Receipt(NamedTuple):
    """What a phone that called holds: a random name of its own, and the requests it may follow, the newest first."""

    phone: str
    held: list[ObjectId]


NO_RECEIPT = Receipt("", [])


@blueprint.get("/t/<code:code>")
@blueprint.get("/T/<code:code>", endpoint="guest_printed")
@access.anyone
@analytics.counted(framed=True)
def guest(code: str) -> ResponseReturnValue:
    """The table's page: what the guest can ask for, and what became of it."""
    table, current, restaurant = _find(code)
    language = current_language()
    receipt = _read_receipt(table)
    view = guest_pages.view_of(table, receipt.held)
    fragment = guest_pages.state_fragment(restaurant, code, view, language, current, _asked_language())
    return render_template(
        "requests/guest.html",
        restaurant_name=restaurant["name"],
        table_name=table["name"],
        fragment=Markup(fragment),  # noqa: S704 (our own template)
        form_field=_sign_form(table),
        receipt=_sign_receipt(table, receipt),
        following=bool(view.live),
        old_code=not current,
        languages=_languages(restaurant, language),
        call_url=url_for("requests.call", code=code, lang=_asked_language()),
        live_url=url_for("requests.guest_live", code=code, r=_sign_receipt(table, receipt), lang=_asked_language()),
    )


@blueprint.post("/t/<code:code>/call")
@access.anyone
@guest_form
def call(code: str) -> ResponseReturnValue:
    """The tap. Answered with the request it opened, or with the one that was there already."""
    table, current, restaurant = _find(code)
    _refuse_old_code(current)
    key = _key_of_form(table)
    kind = next((each for each in restaurant["kinds"] if each["id"] == request.form.get("kind")), None)
    if kind is None or not kind["active"]:
        raise DomainError(_("The restaurant does not offer this any more. Please scan the code again."), 400)
    receipt = _read_receipt(table)
    if not receipt.held:
        receipt = Receipt(key, [])  # its first call names the phone
    _limit_calls(table, receipt.phone)
    opened = store.open_request(restaurant, table, kind, key)
    held = [opened["_id"], *(each for each in receipt.held if each != opened["_id"])]
    return _back(code, table, receipt._replace(held=held[:RECEIPTS]))


@blueprint.post("/t/<code:code>/cancel")
@access.anyone
@guest_form
def cancel(code: str) -> ResponseReturnValue:
    """“Never mind”, from the phone that called."""
    table, _current, _restaurant = _find(code)
    receipt = _read_receipt(table)
    store.cancel(table["restaurant_id"], table["_id"], receipt.held)
    return _back(code, table, receipt)


@blueprint.post("/t/<code:code>/reopen")
@access.anyone
@guest_form
def guest_reopen(code: str) -> ResponseReturnValue:
    """“Not yet?”, for five minutes after the staff said it was done."""
    table, current, _restaurant = _find(code)
    _refuse_old_code(current)
    receipt = _read_receipt(table)
    store.reopen(guest_pages.place(table), receipt.held, by=None)
    return _back(code, table, receipt)


@blueprint.get("/t/<code:code>/live")
@access.anyone
def guest_live(code: str) -> Response:
    """The state of the table's calls, whenever it changes."""
    table, _current, _restaurant = _find(code)
    held, language, asked_language = _read_receipt(table).held, current_language(), _asked_language()

    def read(_woken: set[str]) -> str | None:
        found = tables.by_code(code)
        restaurant = restaurants.get(found[0]["restaurant_id"]) if found else None
        if found is None or restaurant is None:
            return None
        view = guest_pages.view_of(found[0], held)
        return guest_pages.state_fragment(restaurant, code, view, language, found[1], asked_language)

    caps = {f"table:{table['_id']}": STREAMS_OF_A_TABLE, f"guests:{limits.network()}": STREAMS_OF_AN_ADDRESS}
    return streams.respond("state", [f"table:{table['_id']}"], caps, read, gone="gone")


def _find(code: str) -> tuple[Document, bool, Document]:
    """The table, whether this is its current code, and its restaurant; 404 where the code is nobody's."""
    found = tables.by_code(code)
    restaurant = restaurants.get(found[0]["restaurant_id"]) if found else None
    if found is None or restaurant is None:
        raise DomainError(_("This code is not in use. Please scan the code on your table, or wave to the staff."), 404)
    return found[0], found[1], restaurant


def _refuse_old_code(current: bool) -> None:
    """A code that was replaced follows and cancels; it brings nobody to the table."""
    if not current:
        raise DomainError(_("This code has been replaced. Please scan the new code on your table."))


def _limit_calls(table: Document, phone: str) -> None:
    """A phone or a table that calls without end is not served. Guests share addresses: those count for very little."""
    limits.check("guest_call")
    limits.check("guest_phone", phone)
    limits.check("guest_table", str(table["_id"]))


def _back(code: str, table: Document, receipt: Receipt) -> ResponseReturnValue:
    """To the table's page, with the receipt for what this phone asked for."""
    signed = _sign_receipt(table, receipt)
    return redirect(url_for("requests.guest", code=code, r=signed, lang=_asked_language()), 303)


def _asked_language() -> str | None:
    """The language chosen on the page; without one the phone's own preference decides."""
    asked = request.args.get("lang")
    return asked if asked in LANGUAGES else None


def _sign_form(table: Document) -> str:
    """The hidden field of the page: this table, a key that makes a tap known for ever, and when it was issued."""
    issued = clock.milliseconds(clock.now())
    return str(serializer("guest-form").dumps([str(table["_id"]), secrets.token_urlsafe(12), issued]))


def _key_of_form(table: Document) -> str:
    """The one-time key of the page this tap was made on; refuses pages of other tables and of other evenings."""
    try:
        table_id, key, issued = serializer("guest-form").loads(request.form.get("form", ""))
    except (BadData, ValueError):
        raise DomainError(_("This page could not be read. Please scan the code on your table again."), 400) from None
    age = clock.now() - datetime.fromtimestamp(issued / 1000, UTC)
    if table_id != str(table["_id"]) or age > PAGE_LIFETIME:
        raise DomainError(_("This page was open for too long. Please scan the code on your table again."))
    return str(key)


def _sign_receipt(table: Document, receipt: Receipt) -> str | None:
    """What permits the phone that called to follow, cancel and reopen: signed ids, for this table only."""
    if not receipt.held:
        return None
    held = [str(each) for each in receipt.held]
    return str(serializer("guest-receipt").dumps([str(table["_id"]), receipt.phone, held]))


def _read_receipt(table: Document) -> Receipt:
    """This phone's receipt; an empty one where there is none, or one that is not ours or another table's."""
    try:
        table_id, phone, held = serializer("guest-receipt").loads(request.values.get("r", ""))
    except (BadData, ValueError):
        return NO_RECEIPT
    return Receipt(phone, [ObjectId(each) for each in held]) if table_id == str(table["_id"]) else NO_RECEIPT


def _languages(restaurant: Document, language: str) -> list[Document]:
    """The languages this restaurant offers, with the address of this page in each."""
    offered = [code for code in restaurant["languages"] if code in LANGUAGES]
    return [
        {
            "code": code,
            "name": LANGUAGES[code],
            "url": url_for("requests.guest", **{**(request.view_args or {}), "r": request.args.get("r"), "lang": code}),
            "current": code == language,
        }
        for code in offered
    ]
