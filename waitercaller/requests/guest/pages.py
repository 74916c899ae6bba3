"""The state fragment of the guest's page, rendered by the page and by its stream."""

from typing import Any

from flask import render_template
from flask_babel import force_locale

from waitercaller.model.askers import asker
from waitercaller.model.languages import in_language
from waitercaller.model.service_request import ServiceRequest
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
            opinion=_opinion(view),
            opinion_url=path_for("requests.guest.opinion", code=code, lang=asked_language, test=view.test),
            cancel_url=path_for("requests.guest.cancel", code=code, lang=asked_language, test=view.test),
            reopen_url=path_for("requests.guest.reopen", code=code, lang=asked_language, test=view.test),
        )


def _notes(view: TableView) -> list[str]:
    """What this phone has written, of live requests."""
    mine = [asker(request, view.phone_ids) for request in view.live]
    return [each["note"] for each in mine if each and each["note"]]


def _opinion(view: TableView) -> str | None:
    """What the guest has said of the call that is done; "" before they have, None where nobody is asked."""
    return None if view.asked_about is None else view.asked_about.get("opinion", "")


def _kinds(view: TableView, language: str) -> list[dict[str, Any]]:
    """The buttons, in the restaurant's order."""
    live = {} if view.paused else {request["kind"]: request for request in view.live}
    main = view.restaurant["languages"][0]
    return [
        {
            "id": kind["id"],
            "name": in_language(kind["names"], language, main),
            "icon": kind["icon"],
            "live": kind["id"] in live,
            "first": number == 0 and not view.paused,
            "choices": [
                {
                    "id": each["id"],
                    "name": in_language(each["names"], language, main),
                    "chosen": each["id"] == _chosen(live.get(kind["id"]), view.phone_ids),
                }
                for each in kind["choices"]
            ],
        }
        for number, kind in enumerate(view.kinds)
    ]


def _chosen(request: ServiceRequest | None, phone_ids: list[str]) -> str | None:
    """The id of the choice of this phone, or else of whoever called first; None if nothing is called for."""
    return (asker(request, phone_ids) or request)["choice"] if request else None
