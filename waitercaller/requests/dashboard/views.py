"""The dashboard, its event stream, and the actions on cards."""

from collections.abc import Callable
from typing import Any

from bson import ObjectId
from flask import Response, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from markupsafe import Markup

from waitercaller.alerts import due_steps
from waitercaller.db import clock
from waitercaller.live import streams
from waitercaller.model import logins, restaurants
from waitercaller.model.languages import table_title
from waitercaller.model.requests import queries, transitions
from waitercaller.model.restaurants import Actor, Restaurant
from waitercaller.model.service_request import UNDO_WINDOW, ServiceRequest
from waitercaller.requests.dashboard import actors, answers, blueprint, cards, parts, pause_views, screen_views
from waitercaller.web import access, limits
from waitercaller.web.languages import current_language
from waitercaller.web.open_streams import opens_stream

MAX_STREAMS_PER_LOGIN = 12
MAX_STREAMS_PER_ADDRESS = 300  # of one restaurant: all its screens may share one IP address


@blueprint.get("/r/<objectid:restaurant_id>/dashboard")
@access.least("waiter", devices=True)
def page(restaurant_id: ObjectId) -> ResponseReturnValue:
    """The dashboard page."""
    return render_template("requests/dashboard/page.html", **page_context(restaurant_id))


def page_context(restaurant_id: ObjectId) -> dict[str, Any]:
    """What the dashboard shows; also beside an owner's first steps."""
    language, restaurant = current_language(), access.current_restaurant()
    now_ms = clock.milliseconds(clock.now())
    fragment = cards.calls_fragment(restaurant, language, now_ms, access.current_member())
    return {
        "fragment": Markup(fragment),  # noqa: S704 (our own template)
        "parts_url": parts.url(language),
        "recent": [_recent(ended, language) for ended in queries.recently_ended(restaurant_id)],
        "now_ms": now_ms,
        "actor_must_be_asked": actors.must_be_asked(),
        "members": actors.members_by_name(),
        "heartbeat_ms": round(streams.HEARTBEAT_SECONDS * 1000),
        "undo_ms": round(UNDO_WINDOW.total_seconds() * 1000),
        "seen_limit": screen_views.MAX_SEEN_REQUESTS,
        "kiosk": request.args.get("kiosk") == "1",
    }


@blueprint.get("/r/<objectid:restaurant_id>/live")
@access.least("waiter", devices=True)
@access.passive
@opens_stream
def live(restaurant_id: ObjectId) -> Response:
    """Stream of the list of live requests, sent whenever it changes."""
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
        # Read again: another greenlet may have rendered meanwhile, and all screens share this result as the latest.
        return cards.calls_fragment(restaurants.get(restaurant_id) or known, language)

    # Per restaurant and address, so that guests or another restaurant's staff behind the same address do not use it up.
    address_cap = f"staff:{restaurant_id}:{limits.network()}"
    caps = {login_topic: MAX_STREAMS_PER_LOGIN, address_cap: MAX_STREAMS_PER_ADDRESS}
    stream = streams.respond("calls", [topic, login_topic], caps, read, revoked_reason="logged_out")
    return screen_views.hold_presence(stream, restaurant_id)


@blueprint.get("/r/<objectid:restaurant_id>/requests/<objectid:request_id>/more")
@access.least("waiter", devices=True)
def more(restaurant_id: ObjectId, request_id: ObjectId) -> ResponseReturnValue:
    """A card's menu as a page, for browsers without scripts."""
    queries.with_ids({"restaurant_id": restaurant_id}, [request_id]) or abort(404)
    found = cards.card_of(access.current_restaurant(), request_id, current_language())
    if found is None:  # it has ended
        return redirect(url_for("requests.dashboard.page", restaurant_id=restaurant_id), 303)
    card, is_joined = found
    return render_template("requests/dashboard/card_menu.html", card=card, joined=[card.table_id] if is_joined else [])


@blueprint.post("/r/<objectid:restaurant_id>/dashboard")
@access.least("waiter", devices=True)
def act(restaurant_id: ObjectId) -> ResponseReturnValue:
    """A button of the page's own cards, without scripts: its name is what it does, its value the request ids."""
    if "accept" in request.form:
        return _accept(restaurant_id, actors.ids_from(request.form["accept"].split()))
    return _resolve(restaurant_id, actors.ids_from(request.form.get("resolve", "").split()))


@blueprint.post("/r/<objectid:restaurant_id>/requests/<objectid:request_id>/accept")
@access.least("waiter", devices=True)
def accept(restaurant_id: ObjectId, request_id: ObjectId) -> ResponseReturnValue:
    """“I’m going”; with `?from=`, take the call over from that member."""
    return _accept(restaurant_id, _ids(request_id))


def _accept(restaurant_id: ObjectId, ids: list[ObjectId]) -> ResponseReturnValue:
    by = actors.actor()
    if by is None:
        return actors.ask("accept", restaurant_id, ids)
    taken = transitions.accept(restaurant_id, ids, by, taken_from=request.args.get("from"))
    return _answer(restaurant_id, ids, by, len(taken), lambda table: _on_the_way(table, by), taken)


@blueprint.post("/r/<objectid:restaurant_id>/requests/<objectid:request_id>/pass")
@access.least("waiter", devices=True)
def pass_on(restaurant_id: ObjectId, request_id: ObjectId) -> ResponseReturnValue:
    """“Pass on”: another member goes."""
    ids = _ids(request_id)
    if not queries.with_ids({"restaurant_id": restaurant_id}, ids):
        abort(404)
    to = actors.chosen_member("to")
    if to is None:
        return actors.ask("pass_on", restaurant_id, ids)
    changed = transitions.pass_on(restaurant_id, ids, to, actors.actor_or_device())
    return _answer(restaurant_id, ids, to, changed, lambda table: _on_the_way(table, to))


@blueprint.post("/r/<objectid:restaurant_id>/requests/<objectid:request_id>/postpone")
@access.least("waiter", devices=True)
def postpone(restaurant_id: ObjectId, request_id: ObjectId) -> ResponseReturnValue:
    """“Back in 5 minutes”: whoever goes has been at the table and comes again; the guest reads it."""
    ids = _ids(request_id)
    by = actors.actor(ids) or actors.actor_or_device()
    changed = transitions.postpone(restaurant_id, ids, by)
    return _answer(restaurant_id, ids, by, changed, lambda table: _("%(table)s: back in 5 minutes.", table=table))


@blueprint.post("/r/<objectid:restaurant_id>/requests/<objectid:request_id>/resolve")
@access.least("waiter", devices=True)
def resolve(restaurant_id: ObjectId, request_id: ObjectId) -> ResponseReturnValue:
    """“Done”."""
    return _resolve(restaurant_id, _ids(request_id))


def _resolve(restaurant_id: ObjectId, ids: list[ObjectId]) -> ResponseReturnValue:
    by = actors.actor(ids)
    if by is None:
        return actors.ask("resolve", restaurant_id, ids)
    changed = transitions.resolve(restaurant_id, ids, by)
    return _answer(restaurant_id, ids, by, changed, lambda table: _("%(table)s: done.", table=table))


@blueprint.post("/r/<objectid:restaurant_id>/requests/<objectid:request_id>/dismiss")
@access.least("waiter", devices=True)
def dismiss(restaurant_id: ObjectId, request_id: ObjectId) -> ResponseReturnValue:
    """“Nobody at the table”."""
    ids = _ids(request_id)
    by = actors.actor(ids)
    if by is None:
        return actors.ask("dismiss", restaurant_id, ids)
    changed = transitions.dismiss(restaurant_id, ids, by)
    pause_views.review(restaurant_id, ids)
    return _answer(restaurant_id, ids, by, changed, lambda table: _("%(table)s: nobody was there.", table=table))


@blueprint.post("/r/<objectid:restaurant_id>/requests/<objectid:request_id>/reopen")
@access.least("waiter", devices=True)
def reopen(restaurant_id: ObjectId, request_id: ObjectId) -> ResponseReturnValue:
    """“Undo”: back to waiting with the first clock, within UNDO_WINDOW."""
    ids, by = _ids(request_id), actors.actor_or_device()
    changed = transitions.reopen({"restaurant_id": restaurant_id}, ids, by)
    pause_views.review(restaurant_id, ids)
    return _answer(restaurant_id, ids, by, changed, lambda table: _("%(table)s: waiting again.", table=table))


def _ids(request_id: ObjectId) -> list[ObjectId]:
    """The request ids of an action: those in the form (what the person saw on the card), or the one in the URL."""
    return actors.ids_from(request.form.get("ids", "").split() or [str(request_id)])


def _answer(
    restaurant_id: ObjectId,
    ids: list[ObjectId],
    by: Actor,
    changed: int,
    done: Callable[[str], str],
    known: list[ServiceRequest] | None = None,
) -> ResponseReturnValue:
    """Take the steps that are due after the action, and report what was done for `by`, or who was first.

    `known` are those that changed, where they have been read since.
    """
    found = known if known and len(known) == len(ids) else queries.with_ids({"restaurant_id": restaurant_id}, ids)
    if not found:
        abort(404)
    due_steps.take_now(found)
    lost = [each for each in found if each["live"] and each["by"] and each["by"]["id"] != by["id"]]
    if changed:
        message = " ".join([done(_tables([each for each in found if each not in lost])), *map(_has_it, lost)])
    else:
        message = _what_happened(found, by)
    return answers.respond(restaurant_id, bool(changed), message)


def _tables(found: list[ServiceRequest]) -> str:
    """The table's title, or the number of tables."""
    names = {table_title(each["table_name"]) for each in found}  # joined tables have one
    count = len(names)
    return names.pop() if count == 1 else ngettext("%(count)s table", "%(count)s tables", count, count=count)


def _has_it(taken: ServiceRequest) -> str:
    assert taken["by"]
    return str(_("%(table)s: %(name)s has it.", table=table_title(taken["table_name"]), name=taken["by"]["name"]))


def _on_the_way(table: str, by: Actor) -> str:
    if actors.is_me(by):
        return str(_("%(table)s: you are on the way.", table=table))
    return str(_("%(table)s: %(name)s is on the way.", table=table, name=by["name"]))


def _what_happened(found: list[ServiceRequest], by: Actor) -> str:
    """Why an action changed nothing, in one sentence."""
    table = _tables(found)
    live = next((each for each in found if each["live"]), None)
    if live is None:
        return str(_("%(table)s: that call is over already.", table=table))
    if live["by"] is None:
        return str(_("%(table)s: waiting again.", table=table))
    if live["by"]["id"] == by["id"] and actors.is_me(by):
        return str(_("%(table)s: you have it already.", table=table))
    return str(_("%(name)s has it.", name=live["by"]["name"]))


def _recent(ended: ServiceRequest, language: str) -> dict[str, Any]:
    """A row of the list of requests that can still be undone."""
    by, ended_at = ended["steps"][-1]["by"], ended["ended_at"]
    assert ended_at is not None
    return {
        "id": str(ended["_id"]),
        "table_name": ended["table_name"],
        "kinds": cards.card_request(ended, language).kind_name,
        "state": ended["state"],
        "by_name": by["name"] if by else "",
        "ended_ms": clock.milliseconds(ended_at),
    }
