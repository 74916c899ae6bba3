"""Who acts, when the screen on the counter is tapped: nobody is logged in there by name.

Going to a table needs a name, since the guest reads it. What ends a call is taken to be done by whoever had it; when
nobody had, that is asked as well. An undo is the screen's own. And everybody is asked to whom a call is passed on.
"""

from typing import Any

from bson import ObjectId
from flask import abort, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from waitercaller.model import restaurants
from waitercaller.model.languages import alphabetical
from waitercaller.model.requests import queries
from waitercaller.model.restaurants import Actor, Member
from waitercaller.model.service_request import ServiceRequest
from waitercaller.requests.dashboard import blueprint
from waitercaller.web import access
from waitercaller.web.errors import wants_json

REQUESTS_OF_A_TAP = 60  # of a card a few, of a round through a zone all that waits there
ASKING = ("accept", "resolve", "dismiss", "pass_on")


def is_asked() -> bool:
    """Whether this is a screen that has to say for whom it acts."""
    return access.current_member() is None


def is_me(by: Actor) -> bool:
    """Whether this is the person whose own screen asks."""
    member = access.current_member()
    return member is not None and member["id"] == by["id"]


def actor(found: list[ServiceRequest] | None = None) -> Actor | None:
    """Who acts; on a counter's screen that named nobody whoever had one of these requests, else None: ask."""
    if not is_asked() or "as" in request.form:
        return access.current_actor()
    return next((each["by"] for each in found or [] if each["by"]), None)


def actor_or_device() -> Actor:
    """Who undoes something: a member, or a counter tablet itself."""
    if not is_asked():
        return access.current_actor()
    login = access.current_login()
    return {"id": str(login["actor"]["id"]), "name": login["name"]}


def choices() -> list[Member]:
    """The members to choose from, by name."""
    members: list[Member] = access.current_restaurant()["members"]
    return sorted(members, key=lambda member: alphabetical(member["name"]))


def chosen(field: str) -> Actor | None:
    """The member whom a form names in this field; None where it has none, and a 400 where nobody is called so."""
    if field not in request.form:
        return None
    member = restaurants.member_with_id(access.current_restaurant(), request.form[field]) or abort(400)
    return {"id": member["id"], "name": member["name"]}


def ask(act: str, restaurant_id: ObjectId, ids: list[ObjectId]) -> ResponseReturnValue:
    """The answer to a tap that named nobody: the question, for a script or as a page."""
    if wants_json():
        return jsonify(ok=False, ask=True)
    words = " ".join(str(request_id) for request_id in ids)
    return redirect(url_for("requests.dashboard.who", restaurant_id=restaurant_id, act=act, ids=words, **_from()), 303)


def ids_from(words: list[str]) -> list[ObjectId]:
    """The requests of one tap, as a form or an address names them; anything else is a 400."""
    if not 0 < len(words) <= REQUESTS_OF_A_TAP or not all(ObjectId.is_valid(word) for word in words):
        abort(400)
    return [ObjectId(word) for word in words]


@blueprint.get("/r/<objectid:restaurant_id>/who", endpoint="who")
@access.least("waiter", screens=True)
def page(restaurant_id: ObjectId) -> ResponseReturnValue:
    """“Who?”, for screens without scripts: one button for each member."""
    act = request.args.get("act", "")
    if not is_asked() and act != "pass_on":
        return redirect(url_for("requests.dashboard.page", restaurant_id=restaurant_id), 303)
    if act not in ASKING:
        abort(400)
    ids = ids_from(request.args.get("ids", "").split())
    found = queries.with_ids({"restaurant_id": restaurant_id}, ids) or abort(404)
    return render_template(
        "requests/dashboard/who.html",
        action=url_for(f"requests.dashboard.{act}", restaurant_id=restaurant_id, request_id=ids[0], **_from()),
        ids=" ".join(str(request_id) for request_id in ids),
        table_name=found[0]["table_name"],
        passes=act == "pass_on",
        members=[each for each in choices() if act != "pass_on" or each != access.current_member()],
    )


def _from() -> dict[str, Any]:
    """Whom a call is taken over from, for an address that goes on with it."""
    return {"from": request.args["from"]} if "from" in request.args else {}
