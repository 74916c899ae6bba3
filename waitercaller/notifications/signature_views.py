"""What a phone's service worker sends about a message: it shows it; its button was tapped. See push/signatures."""

from bson import ObjectId
from flask import abort, jsonify, request
from flask.typing import ResponseReturnValue
from flask_babel import force_locale
from flask_babel import gettext as _

from waitercaller.model import logins, messages, restaurants, subscriptions
from waitercaller.model.messages import Purpose, Push
from waitercaller.model.requests import queries, seen, transitions
from waitercaller.model.restaurants import Member
from waitercaller.model.subscriptions import Subscription
from waitercaller.notifications import blueprint
from waitercaller.push import signatures
from waitercaller.web import access, limits
from waitercaller.web.security import guest_form


@blueprint.post("/push/shown")
@access.anyone
@guest_form
def shown() -> ResponseReturnValue:
    """A phone shows a message: it counts as hearing calls, and the guest reads whose phone it is."""
    push, subscription, member = _redeem("shown")
    subscriptions.note_signed(subscription["_id"])
    if request_id := push["context"].get("request_id"):
        seen.sign(push["restaurant_id"], request_id, member)
    return "", 204


@blueprint.post("/push/accept")
@access.anyone
@guest_form
def accept() -> ResponseReturnValue:
    """“I’m going”, tapped on the message itself. The answer is a sentence to show in its place."""
    push, subscription, member = _redeem("accept")
    ids: list[ObjectId] = [push["context"]["request_id"]]
    transitions.accept(push["restaurant_id"], ids, {"id": member["id"], "name": member["name"]})
    with force_locale(subscription["language"]):
        return jsonify(text=_outcome(push["restaurant_id"], ids, member))


def _redeem(purpose: Purpose) -> tuple[Push, Subscription, Member]:
    """The message of the token in the form, the browser it was sent to, and its member, who must be logged in there.

    Aborts with 400 for a token that is forged, for something else, used, too late, or of somebody who has left.
    """
    limits.check("push_answer")
    push_id = signatures.message_of(request.form.get("token", ""), purpose)
    push = messages.redeem(push_id, purpose) if push_id else None
    subscription = subscriptions.get(push["subscription_id"]) if push else None
    restaurant = restaurants.get(push["restaurant_id"]) if push else None
    if push is None or subscription is None or restaurant is None or logins.has_ended(subscription["login_id"]):
        abort(400)
    member = restaurants.member_with_id(restaurant, subscription["member_id"]) or abort(400)
    return push, subscription, member


def _outcome(restaurant_id: ObjectId, ids: list[ObjectId], member: Member) -> str:
    """Who goes now, as a sentence."""
    found = queries.with_ids({"restaurant_id": restaurant_id}, ids)
    by = found[0]["by"] if found and found[0]["live"] else None
    if by is None:
        return str(_("That call is over already."))
    if by["id"] == member["id"]:
        return str(_("You are on the way."))
    return str(_("%(name)s is on the way.", name=by["name"]))
