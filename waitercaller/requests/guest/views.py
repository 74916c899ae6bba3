"""The guest's page. No login and no cookie: the code in the address is the authority."""

import math
from typing import Any

from flask import Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from markupsafe import Markup
from werkzeug.wrappers import Response as BaseResponse

from waitercaller.alerts import messages
from waitercaller.live import streams
from waitercaller.model import pauses, restaurants, tables
from waitercaller.model.languages import LANGUAGES
from waitercaller.model.requests import transitions
from waitercaller.model.restaurants import Restaurant
from waitercaller.model.tables import Table
from waitercaller.requests.guest import blueprint, device, links, pages, sight, wishes
from waitercaller.requests.guest.sight import View
from waitercaller.web import access, analytics, limits
from waitercaller.web.errors import DomainError
from waitercaller.web.languages import current_language
from waitercaller.web.security import guest_form

REFRESH = 15  # seconds; a page without scripts loads itself anew while something is live
RECEIPTS = 6  # how many requests one phone follows
STREAMS_OF_A_TABLE = 40
STREAMS_OF_AN_ADDRESS = 600  # all guests of a house share the Wi-Fi's address


@blueprint.get("/t/<code:code>")
@blueprint.get("/T/<code:code>", endpoint="guest_printed")
@access.anyone
@analytics.counted(framed=True)
def page(code: str) -> ResponseReturnValue:
    """The table's page: what the guest can ask for, and what became of it."""
    table, current, restaurant = _find(code)
    language, asked_language = current_language(), _asked_language()
    receipt = links.read_receipt(table)
    signed = links.sign_receipt(table, receipt)
    view = sight.view_of(restaurant, table, receipt.held, _names(table, receipt))
    fragment = pages.state_fragment(view, code, language, current, asked_language)
    return render_template(
        "requests/guest/page.html",
        restaurant_name=restaurant["name"],
        table_name=table["name"],
        fragment=Markup(fragment),  # noqa: S704 (our own template)
        form_field=links.sign_form(table),
        receipt=signed,
        refresh=_refresh(view),
        old_code=not current,
        notes=current and wishes.takes_notes(restaurant),
        languages=_languages(restaurant, language),
        call_url=url_for("requests.guest.call", code=code, lang=asked_language),
        live_url=url_for("requests.guest.live", code=code, r=signed, lang=asked_language),
        heartbeat_ms=round(streams.HEARTBEAT_SECONDS * 1000),
    )


@blueprint.post("/t/<code:code>/call")
@access.anyone
@guest_form
def call(code: str) -> ResponseReturnValue:
    """The tap. Answered with the request it opened, or with the one that was there already."""
    table, current, restaurant = _find(code)
    _refuse_old_code(current)
    key = links.key_of_form(table)
    wish = wishes.wish_of_form(restaurant)
    receipt = links.read_receipt(table)
    phone = device.of_tap(table["restaurant_id"], receipt.phone, key)
    _limit_calls(table, phone.name)
    if _is_silenced(table, phone.names):
        return _back(code, table, receipt)
    if not sight.is_open(restaurant):
        return _back(code, table, receipt)  # the page says when it opens
    opened = transitions.open_request(
        restaurant, table, wish.kind, key, choice=wish.choice, note=wish.note, device=phone.name
    )
    messages.enqueue(restaurant, "called", opened)
    held = [opened["_id"], *(each for each in receipt.held if each != opened["_id"])]
    answer = _back(code, table, links.Receipt(receipt.phone or phone.name, held[:RECEIPTS]))
    phone.keep(answer)
    return answer


@blueprint.post("/t/<code:code>/cancel")
@access.anyone
@guest_form
def cancel(code: str) -> ResponseReturnValue:
    """“Never mind”, from the phone that called."""
    table, _current, _restaurant = _find(code)
    receipt = links.read_receipt(table)
    transitions.cancel(sight.place(table), receipt.held, _names(table, receipt))
    return _back(code, table, receipt)


@blueprint.post("/t/<code:code>/reopen")
@access.anyone
@guest_form
def reopen(code: str) -> ResponseReturnValue:
    """“Not yet?”, for five minutes after the staff said it was done."""
    table, current, restaurant = _find(code)
    _refuse_old_code(current)
    receipt = links.read_receipt(table)
    names = _names(table, receipt)
    if sight.is_open(restaurant) and not _is_silenced(table, names):
        view = sight.view_of(restaurant, table, receipt.held, names)
        transitions.reopen(sight.place(table), view.said_done, by=None)
    return _back(code, table, receipt)


@blueprint.get("/t/<code:code>/live")
@access.anyone
def live(code: str) -> Response:
    """The state of the table's calls, whenever it changes."""
    table, _current, _restaurant = _find(code)
    receipt, language, asked_language = links.read_receipt(table), current_language(), _asked_language()
    names, pace = _names(table, receipt), streams.HEARTBEAT_SECONDS

    def read(_woken: set[str]) -> str | None:
        nonlocal pace
        found = tables.by_code(code)
        restaurant = restaurants.get(found[0]["restaurant_id"]) if found else None
        if found is None or restaurant is None:
            return None
        view = sight.view_of(restaurant, found[0], receipt.held, names)
        pace = view.look_again(calm=streams.HEARTBEAT_SECONDS)
        return pages.state_fragment(view, code, language, found[1], asked_language)

    caps = {f"table:{table['_id']}": STREAMS_OF_A_TABLE, f"guests:{limits.network()}": STREAMS_OF_AN_ADDRESS}
    return streams.respond("state", [f"table:{table['_id']}"], caps, read, revoked_reason="gone", interval=lambda: pace)


def _find(code: str) -> tuple[Table, bool, Restaurant]:
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


def _names(table: Table, receipt: links.Receipt) -> list[str]:
    """What the phone that asks goes by in this restaurant."""
    return device.known_names(table["restaurant_id"], receipt.phone)


def _is_silenced(table: Table, phones: list[str]) -> bool:
    """Whether this tap calls nobody, since its phone or its table is paused; it is counted then."""
    pause = pauses.applying_to(table, phones)
    if pause is not None:
        pauses.count_tap(pause, table)
    return pause is not None


def _limit_calls(table: Table, phone: str) -> None:
    """A phone or a table that calls without end is not served. Guests share addresses: those count for very little."""
    limits.check("guest_call")
    limits.check("guest_phone", phone)
    limits.check("guest_table", str(table["_id"]))


def _back(code: str, table: Table, receipt: links.Receipt) -> BaseResponse:
    """To the table's page, with the receipt for what this phone asked for."""
    signed = links.sign_receipt(table, receipt)
    return redirect(url_for("requests.guest.page", code=code, r=signed, lang=_asked_language()), 303)


def _refresh(view: View) -> int:
    """In how many seconds a page without scripts loads itself anew; 0 for not at all."""
    if not view.live:
        return 0
    return math.ceil(view.look_again(calm=REFRESH)) if view.is_fresh else REFRESH


def _asked_language() -> str | None:
    """The language chosen on the page; without one the phone's own preference decides."""
    asked = request.args.get("lang")
    return asked if asked in LANGUAGES else None


def _languages(restaurant: Restaurant, language: str) -> list[dict[str, Any]]:
    """The languages this restaurant offers, with the address of this page in each."""
    offered = [code for code in restaurant["languages"] if code in LANGUAGES]
    return [
        {
            "code": code,
            "name": LANGUAGES[code],
            "url": url_for(
                "requests.guest.page", **{**(request.view_args or {}), "r": request.args.get("r"), "lang": code}
            ),
            "current": code == language,
        }
        for code in offered
    ]
