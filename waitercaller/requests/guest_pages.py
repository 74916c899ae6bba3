"""What the guest's phone is told: the state of the table's calls, in words that are true."""

from dataclasses import dataclass
from typing import Literal

from bson import ObjectId
from flask import render_template
from flask_babel import force_locale
from flask_babel import gettext as _

from waitercaller import clock
from waitercaller.db import Document
from waitercaller.i18n import in_language
from waitercaller.requests import reading
from waitercaller.requests.model import UNDO, ServiceRequest
from waitercaller.routing import path_for

Tone = Literal["idle", "calm", "info", "done", "warn"]


@dataclass(frozen=True)
class GuestState:
    """One headline, one sentence, and how many of the four steps (sent, seen, coming, done) are behind."""

    headline: str
    detail: str = ""
    step: int = 0
    tone: Tone = "idle"
    first_ms: int | None = None


@dataclass(frozen=True)
class View:
    """What one phone sees: the table's live requests, and the ended ones that this phone holds a receipt for."""

    live: list[ServiceRequest]
    ended: list[ServiceRequest]
    held: list[ServiceRequest]

    @property
    def can_cancel(self) -> bool:
        return any(request["live"] for request in self.held)

    @property
    def can_reopen(self) -> bool:
        return not self.live and any(request["state"] in ("resolved", "dismissed") for request in self.ended)


def place(table: Document) -> Document:
    """The condition that a request is of this table."""
    return {"restaurant_id": table["restaurant_id"], "table_id": table["_id"]}


def view_of(table: Document, held_ids: list[ObjectId]) -> View:
    """Read what a phone with these receipts sees of this table."""
    live = reading.live_of_table(table["restaurant_id"], table["_id"])
    held = reading.with_ids(place(table), held_ids) if held_ids else []
    since = clock.now() - UNDO
    ended = [request for request in held if request["ended_at"] is not None and request["ended_at"] > since]
    return View(live=live, ended=ended, held=held)


def state_fragment(
    restaurant: Document, code: str, view: View, language: str, current: bool, asked_language: str | None
) -> str:
    """The state and the buttons as HTML; a code that has been replaced shows the state only.

    `asked_language` is the one chosen on the page, which its forms keep; `language` the one it is written in.
    """
    with force_locale(language):
        return render_template(
            "requests/_state.html",
            # Where nothing can be asked for and nothing was, the notice about the code says all there is to say.
            state=state_of(view) if current or view.live or view.ended else None,
            kinds=kinds_of(restaurant, view, language) if current else [],
            can_cancel=view.can_cancel,
            can_reopen=view.can_reopen and current,
            cancel_url=path_for("requests.cancel", code=code, lang=asked_language),
            reopen_url=path_for("requests.guest_reopen", code=code, lang=asked_language),
        )


def kinds_of(restaurant: Document, view: View, language: str) -> list[Document]:
    """The buttons, in the restaurant's order."""
    live = {request["kind"] for request in view.live}
    offered = sorted((kind for kind in restaurant["kinds"] if kind["active"]), key=lambda kind: kind["position"])
    return [
        {
            "id": kind["id"],
            "name": in_language(kind["names"], language),
            "icon": kind["icon"],
            "live": kind["id"] in live,
            "first": number == 0,
        }
        for number, kind in enumerate(offered)
    ]


def state_of(view: View) -> GuestState:
    """The state in words; a live call goes before one that has ended."""
    if view.live:
        return _live_state(view.live)
    if view.ended:
        return _ended_state(max(view.ended, key=lambda request: str(request["ended_at"])))
    return GuestState(_("How can we help?"), _("Tap once, and somebody comes to your table."))


def _live_state(live: list[ServiceRequest]) -> GuestState:
    first_ms = clock.milliseconds(live[0]["first_at"])
    coming = next((request["by"] for request in live if request["by"]), None)
    if coming is not None:
        return GuestState(_("%(name)s is on the way", name=coming["name"]), "", 3, "info", first_ms)
    reminders = sum(request["reminders"] for request in live)
    detail = _("You have reminded them.") if reminders else _("It is on the staff's list. Nobody has taken it yet.")
    return GuestState(_("Your call is sent"), detail, 1, "calm", first_ms)


def _ended_state(ended: ServiceRequest) -> GuestState:
    match ended["state"]:
        case "resolved":
            return GuestState(_("Done"), _("The staff says your call is done."), 4, "done")
        case "dismissed":
            return GuestState(_("They did not find you"), _("Somebody came and saw nobody at this table."), 0, "warn")
        case "cancelled":
            return GuestState(_("Your call is cancelled"), _("Nobody will come. Tap again when you need us."))
        case _:
            return GuestState(_("Your call has ended"), _("The restaurant has changed this table."), 0, "warn")
