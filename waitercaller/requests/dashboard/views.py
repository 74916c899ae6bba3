"""The staff's dashboard, its live stream, and what a tap on a card does."""

from collections.abc import Callable
from typing import Any

from bson import ObjectId
from flask import Response, abort, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from markupsafe import Markup

from waitercaller.db import clock
from waitercaller.live import streams
from waitercaller.model import logins, restaurants
from waitercaller.model.languages import table_title
from waitercaller.model.requests import queries, transitions
from waitercaller.model.restaurants import Actor, Restaurant
from waitercaller.model.service_request import UNDO_WINDOW, ServiceRequest
from waitercaller.requests.dashboard import answers, blueprint, cards, pause_views, screen_views, who
from waitercaller.web import access, limits
from waitercaller.web.languages import current_language

STREAMS_OF_A_LOGIN = 12
STREAMS_OF_A_HOUSE = 300  # a whole house behind one address, with room


@blueprint.get("/r/<objectid:restaurant_id>/dashboard")
@access.least("waiter", screens=True)
def page(restaurant_id: ObjectId) -> ResponseReturnValue:
    """Who is waiting, and for what."""
    language, restaurant = current_language(), access.current_restaurant()
    now_ms = clock.milliseconds(clock.now())
    return render_template(
        "requests/dashboard/page.html",
        fragment=Markup(cards.calls_fragment(restaurant, language, None, now_ms=now_ms)),  # noqa: S704 (our own template)
        recent=[_recent(ended, language) for ended in queries.ended_lately(restaurant_id)],
        live_url=url_for("requests.dashboard.live", restaurant_id=restaurant_id),
        now_ms=now_ms,
        is_asked=who.is_asked(),
        choices=who.choices(),
        most=who.REQUESTS_OF_A_TAP,
        heartbeat_ms=round(streams.HEARTBEAT_SECONDS * 1000),
        undo_ms=round(UNDO_WINDOW.total_seconds() * 1000),
        seen_limit=screen_views.REQUESTS_OF_A_RECEIPT,
        kiosk=request.args.get("kiosk") == "1",
    )


@blueprint.get("/r/<objectid:restaurant_id>/live")
@access.least("waiter", screens=True)
@access.passive
def live(restaurant_id: ObjectId) -> Response:
    """The list of calls, whenever it changes."""
    language, login = current_language(), access.current_login()
    login_id, member = login["_id"], access.current_member()
    topic, login_topic = f"restaurant:{restaurant_id}", f"login:{login_id}"

    def read(woken: set[str]) -> str | None:
        restaurant = restaurants.get(restaurant_id)
        if restaurant is None or (member and restaurants.member_with_id(restaurant, member["id"]) is None):
            return None
        if login_topic in woken and logins.find(login_id) is None:
            return None
        return streams.shared(topic, (language, *cards.phase(restaurant)), lambda: draw(restaurant))

    def draw(known: Restaurant) -> str:
        # Read again: drawing may have waited, and what comes of it counts as the latest for all screens.
        return cards.calls_fragment(restaurants.get(restaurant_id) or known, language)

    # By restaurant: neither guests behind the house's address nor another house's staff use up what these screens may.
    house = f"staff:{restaurant_id}:{limits.network()}"
    caps = {login_topic: STREAMS_OF_A_LOGIN, house: STREAMS_OF_A_HOUSE}
    stream = streams.respond("calls", [topic, login_topic], caps, read, revoked_reason="logged_out")
    return screen_views.keep(stream, restaurant_id)


@blueprint.post("/r/<objectid:restaurant_id>/requests/<objectid:request_id>/accept")
@access.least("waiter", screens=True)
def accept(restaurant_id: ObjectId, request_id: ObjectId) -> ResponseReturnValue:
    """“I’m going”, and “take over” where the address names whom from."""
    ids, by = _ids(request_id), who.actor()
    if by is None:
        return who.ask("accept", restaurant_id, ids)
    changed = transitions.accept(restaurant_id, ids, by, taken_from=request.args.get("from"))
    return _answer(restaurant_id, ids, by, changed, lambda table: _on_the_way(table, by))


@blueprint.post("/r/<objectid:restaurant_id>/requests/<objectid:request_id>/pass")
@access.least("waiter", screens=True)
def pass_on(restaurant_id: ObjectId, request_id: ObjectId) -> ResponseReturnValue:
    """“Pass on”: somebody else goes."""
    ids = _ids(request_id)
    if not queries.with_ids({"restaurant_id": restaurant_id}, ids):
        abort(404)
    to = who.chosen("to")
    if to is None:
        return who.ask("pass_on", restaurant_id, ids)
    changed = transitions.pass_on(restaurant_id, ids, to, who.actor_or_device())
    return _answer(restaurant_id, ids, to, changed, lambda table: _on_the_way(table, to))


@blueprint.post("/r/<objectid:restaurant_id>/requests/<objectid:request_id>/resolve")
@access.least("waiter", screens=True)
def resolve(restaurant_id: ObjectId, request_id: ObjectId) -> ResponseReturnValue:
    """“Done”."""
    ids = _ids(request_id)
    by = who.actor(queries.with_ids({"restaurant_id": restaurant_id}, ids))
    if by is None:
        return who.ask("resolve", restaurant_id, ids)
    changed = transitions.resolve(restaurant_id, ids, by)
    return _answer(restaurant_id, ids, by, changed, lambda table: _("%(table)s: done.", table=table))


@blueprint.post("/r/<objectid:restaurant_id>/requests/<objectid:request_id>/dismiss")
@access.least("waiter", screens=True)
def dismiss(restaurant_id: ObjectId, request_id: ObjectId) -> ResponseReturnValue:
    """“Nobody at the table”."""
    ids = _ids(request_id)
    by = who.actor(queries.with_ids({"restaurant_id": restaurant_id}, ids))
    if by is None:
        return who.ask("dismiss", restaurant_id, ids)
    changed = transitions.dismiss(restaurant_id, ids, by)
    pause_views.review(restaurant_id, ids)
    return _answer(restaurant_id, ids, by, changed, lambda table: _("%(table)s: nobody was there.", table=table))


@blueprint.post("/r/<objectid:restaurant_id>/requests/<objectid:request_id>/reopen")
@access.least("waiter", screens=True)
def reopen(restaurant_id: ObjectId, request_id: ObjectId) -> ResponseReturnValue:
    """“Undo”: back to waiting with the first clock, for five minutes."""
    ids, by = _ids(request_id), who.actor_or_device()
    changed = transitions.reopen({"restaurant_id": restaurant_id}, ids, by)
    pause_views.review(restaurant_id, ids)
    return _answer(restaurant_id, ids, by, changed, lambda table: _("%(table)s is waiting again.", table=table))


def _ids(request_id: ObjectId) -> list[ObjectId]:
    """The requests a tap is about: those of its card that the person saw, or the one that the address names."""
    return who.ids_from(request.form.get("ids", "").split() or [str(request_id)])


def _answer(
    restaurant_id: ObjectId, ids: list[ObjectId], by: Actor, changed: int, done: Callable[[str], str]
) -> ResponseReturnValue:
    """Tell what came of a tap: what was done for `by`, or who was faster."""
    found = queries.with_ids({"restaurant_id": restaurant_id}, ids)
    if not found:
        abort(404)
    lost = [each for each in found if each["live"] and each["by"] and each["by"]["id"] != by["id"]]
    if changed:
        message = " ".join([done(_tables([each for each in found if each not in lost])), *map(_has_it, lost)])
    else:
        message = _what_happened(found, by)
    return answers.told(restaurant_id, bool(changed), message)


def _tables(found: list[ServiceRequest]) -> str:
    """The table these are of, or how many tables."""
    names = {each["table_id"]: table_title(each["table_name"]) for each in found}
    count = len(names)
    return (
        next(iter(names.values()))
        if count == 1
        else ngettext("%(count)s table", "%(count)s tables", count, count=count)
    )


def _has_it(taken: ServiceRequest) -> str:
    assert taken["by"]
    return str(_("%(table)s: %(name)s has it.", table=table_title(taken["table_name"]), name=taken["by"]["name"]))


def _on_the_way(table: str, by: Actor) -> str:
    if who.is_me(by):
        return str(_("%(table)s: you are on the way.", table=table))
    return str(_("%(table)s: %(name)s is on the way.", table=table, name=by["name"]))


def _what_happened(found: list[ServiceRequest], by: Actor) -> str:
    """Why a tap changed nothing, in one sentence."""
    table = _tables(found)
    live = next((each for each in found if each["live"]), None)
    if live is None:
        return str(_("%(table)s: that call is over already.", table=table))
    if live["by"] is None:
        return str(_("%(table)s is waiting again.", table=table))
    if live["by"]["id"] == by["id"] and who.is_me(by):
        return str(_("%(table)s: you have it already.", table=table))
    return str(_("%(name)s has it.", name=live["by"]["name"]))


def _recent(ended: ServiceRequest, language: str) -> dict[str, Any]:
    """A row of what can still be undone."""
    by, ended_at = ended["steps"][-1]["by"], ended["ended_at"]
    assert ended_at is not None
    return {
        "id": str(ended["_id"]),
        "table_name": ended["table_name"],
        "kinds": cards.wish_of(ended, language).kind_name,
        "state": ended["state"],
        "by_name": by["name"] if by else "",
        "ended_ms": clock.milliseconds(ended_at),
    }
