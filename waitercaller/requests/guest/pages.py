"""What the guest's phone shows of its table's calls: the same part of the page for the page itself and its stream."""

from typing import Any

from flask import render_template
from flask_babel import force_locale

from waitercaller.model.languages import in_language
from waitercaller.model.service_request import ServiceRequest
from waitercaller.model.standard_kinds import Kind
from waitercaller.requests.guest import words
from waitercaller.requests.guest.sight import View
from waitercaller.web.routing import path_for


def state_fragment(view: View, code: str, language: str, current: bool, asked_language: str | None) -> str:
    """The state and the buttons as HTML; a code that has been replaced shows the state only.

    `asked_language` is the one chosen on the page, which its forms keep; `language` the one it is written in.
    """
    with force_locale(language):
        return render_template(
            "requests/guest/_state.html",
            # Where nothing can be asked for and nothing was, the notice about the code says all there is to say.
            state=words.state_of(view) if current or view.live or view.ended else None,
            notes=_notes(view),
            is_old=not current,
            notice=words.notice_beside(view),
            # While calls are paused the buttons stay: the taps are kept for the staff to see.
            kinds=_kinds(view, language) if current and view.is_open else [],
            can_cancel=view.can_cancel,
            can_reopen=current and view.can_reopen,
            cancel_url=path_for("requests.guest.cancel", code=code, lang=asked_language),
            reopen_url=path_for("requests.guest.reopen", code=code, lang=asked_language),
        )


def _notes(view: View) -> list[str]:
    """What this phone wrote. Who reminds of somebody else's call gets a receipt for it too, but not to read along."""
    mine = [request for request in view.held if request["live"] and request["device"] in view.phone]
    return [request["note"] for request in mine if request["note"]]


def _kinds(view: View, language: str) -> list[dict[str, Any]]:
    """The buttons, in the restaurant's order."""
    live = {} if view.paused else {request["kind"]: request for request in view.live}
    offered = sorted((kind for kind in view.restaurant["kinds"] if kind["active"]), key=lambda kind: kind["position"])
    return [
        {
            "id": kind["id"],
            "name": in_language(kind["names"], language),
            "icon": kind["icon"],
            "live": kind["id"] in live,
            "first": number == 0 and not view.paused,
            "choices": _choices(kind, live.get(kind["id"]), language),
        }
        for number, kind in enumerate(offered)
    ]


def _choices(kind: Kind, request: ServiceRequest | None, language: str) -> list[dict[str, Any]]:
    """The ways in which this kind can be asked for; the one that was is marked."""
    chosen = request["choice"] if request else None
    return [
        {"id": each["id"], "name": in_language(each["names"], language), "chosen": each["id"] == chosen}
        for each in kind["choices"]
    ]
