"""The state fragment of the guest's page, rendered by the page and by its stream."""

from typing import Any

from flask import render_template
from flask_babel import force_locale

from waitercaller.model.languages import in_language
from waitercaller.model.service_request import ServiceRequest
from waitercaller.model.standard_kinds import Kind, in_order
from waitercaller.requests.guest import words
from waitercaller.requests.guest.table_view import TableView
from waitercaller.web.routing import path_for


def state_fragment(view: TableView, code: str, language: str, current: bool, asked_language: str | None) -> str:
    """The state and the buttons as HTML; without buttons for a retired code (`current` is False).

    `asked_language` was chosen on the page, and its URLs carry it on; `language` is the one to render in.
    """
    with force_locale(language):
        return render_template(
            "requests/guest/_state.html",
            # For a retired code without requests, the notice about the code is enough.
            state=words.state_of(view) if current or view.live or view.ended else None,
            joined=view.joined,
            notes=_notes(view),
            is_old=not current,
            notice=words.notice_beside(view),
            # While paused, the buttons stay: taps are counted and shown to the staff.
            kinds=_kinds(view, language) if current and view.is_open else [],
            can_cancel=view.can_cancel,
            can_reopen=current and view.can_reopen,
            cancel_url=path_for("requests.guest.cancel", code=code, lang=asked_language),
            reopen_url=path_for("requests.guest.reopen", code=code, lang=asked_language),
        )


def _notes(view: TableView) -> list[str]:
    """The notes of this phone's own live requests; not those it only reminded of, which its receipt also holds."""
    mine = [request for request in view.held if request["live"] and request["device"] in view.phone_ids]
    return [request["note"] for request in mine if request["note"]]


def _kinds(view: TableView, language: str) -> list[dict[str, Any]]:
    """The buttons, in the restaurant's order."""
    live = {} if view.paused else {request["kind"]: request for request in view.live}
    return [
        {
            "id": kind["id"],
            "name": in_language(kind["names"], language),
            "icon": kind["icon"],
            "live": kind["id"] in live,
            "first": number == 0 and not view.paused,
            "choices": _choices(kind, live.get(kind["id"]), language),
        }
        for number, kind in enumerate(in_order(view.restaurant["kinds"]))
    ]


def _choices(kind: Kind, request: ServiceRequest | None, language: str) -> list[dict[str, Any]]:
    """The choices of this kind; the one in the live request is marked."""
    chosen = request["choice"] if request else None
    return [
        {"id": each["id"], "name": in_language(each["names"], language), "chosen": each["id"] == chosen}
        for each in kind["choices"]
    ]
