"""The actor of an action, which a counter tablet must ask for: no member is logged in there.

Accepting a call needs a member, whose name the guest reads. Resolving and dismissing default to the member who accepted
the call; without one, they ask. An undo is attributed to the device. Passing on asks for the receiver in any case.
"""

from collections.abc import Sequence
from typing import Any

from bson import ObjectId
from flask import abort, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from waitercaller.model import restaurants
from waitercaller.model.languages import alphabetical
from waitercaller.model.requests import queries
from waitercaller.model.restaurants import Actor, Member
from waitercaller.requests.dashboard import blueprint
from waitercaller.web import access
from waitercaller.web.errors import wants_json

MAX_REQUESTS_PER_ACTION = 60  # a card has a few, a round has all waiting requests of a zone
ACTIONS_THAT_ASK = ("accept", "resolve", "dismiss", "pass_on")


def must_be_asked() -> bool:
    """Whether the login is a device's, so that the acting member must be asked for."""
    return access.current_member() is None


def is_me(by: Actor) -> bool:
    """Whether `by` is the logged-in member."""
    member = access.current_member()
    return member is not None and member["id"] == by["id"]


def actor(ids: Sequence[ObjectId] = ()) -> Actor | None:
    """The actor: the logged-in member, the one named by the form, or who accepted one of these requests; None: ask."""
    if not must_be_asked() or "as" in request.form:
        return access.current_actor()
    found = queries.with_ids({"restaurant_id": access.current_restaurant()["_id"]}, [*ids])
    return next((each["by"] for each in found if each["by"]), None)


def actor_or_device() -> Actor:
    """The actor of an undo: the logged-in member, or the device itself."""
    if not must_be_asked():
        return access.current_actor()
    login = access.current_login()
    return {"id": str(login["actor"]["id"]), "name": login["name"]}


def members_by_name() -> list[Member]:
    """All members of the restaurant, sorted by name."""
    members: list[Member] = access.current_restaurant()["members"]
    return sorted(members, key=lambda member: alphabetical(member["name"]))


def chosen_member(field: str) -> Actor | None:
    """The member whose id is in this form field; None without the field; aborts with 400 for an unknown id."""
    if field not in request.form:
        return None
    member = restaurants.member_with_id(access.current_restaurant(), request.form[field]) or abort(400)
    return {"id": member["id"], "name": member["name"]}


def ask(act: str, restaurant_id: ObjectId, ids: list[ObjectId]) -> ResponseReturnValue:
    """Answer an action without an actor: `ask: true` for a script, otherwise a redirect to the page that asks."""
    if wants_json():
        return jsonify(ok=False, ask=True)
    words = " ".join(str(request_id) for request_id in ids)
    return redirect(
        url_for("requests.dashboard.choose_actor", restaurant_id=restaurant_id, act=act, ids=words, **_from()), 303
    )


def ids_from(words: list[str]) -> list[ObjectId]:
    """The request ids of one action; aborts with 400 for none, too many or malformed ids."""
    if not 0 < len(words) <= MAX_REQUESTS_PER_ACTION or not all(ObjectId.is_valid(word) for word in words):
        abort(400)
    return [ObjectId(word) for word in words]


@blueprint.get("/r/<objectid:restaurant_id>/who", endpoint="choose_actor")
@access.least("waiter", devices=True)
def page(restaurant_id: ObjectId) -> ResponseReturnValue:
    """“Who?” for browsers without scripts: one button per member."""
    act = request.args.get("act", "")
    if not must_be_asked() and act != "pass_on":
        return redirect(url_for("requests.dashboard.page", restaurant_id=restaurant_id), 303)
    if act not in ACTIONS_THAT_ASK:
        abort(400)
    ids = ids_from(request.args.get("ids", "").split())
    found = queries.with_ids({"restaurant_id": restaurant_id}, ids) or abort(404)
    return render_template(
        "requests/dashboard/choose_actor.html",
        action=url_for(f"requests.dashboard.{act}", restaurant_id=restaurant_id, request_id=ids[0], **_from()),
        ids=" ".join(str(request_id) for request_id in ids),
        table_name=found[0]["table_name"],
        passes=act == "pass_on",
        members=[each for each in members_by_name() if act != "pass_on" or each != access.current_member()],
    )


def _from() -> dict[str, Any]:
    """The `from` argument of a take-over, to be carried on in the next URL."""
    return {"from": request.args["from"]} if "from" in request.args else {}
