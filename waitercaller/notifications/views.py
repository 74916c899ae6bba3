"""The page where members choose what their phones tell them, and what their browsers send there."""

from typing import Any

from bson import ObjectId
from flask import abort, flash, g, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from waitercaller.alerts import messages
from waitercaller.db import clock
from waitercaller.db.config import config
from waitercaller.model import restaurants, subscriptions
from waitercaller.model.subscriptions import Subscription
from waitercaller.notifications import blueprint, forms
from waitercaller.push import encryption
from waitercaller.web import access, browsers, limits
from waitercaller.web.forms import Form, text_of
from waitercaller.web.languages import current_language

HOME = "/r/<objectid:restaurant_id>/notifications"
ONE = f"{HOME}/<string(length=32):name>"


@blueprint.app_context_processor
def push_device() -> dict[str, Any]:
    """`push`: what the pages of a member give to their scripts; None where nothing is offered."""
    private, restaurant, member = _private_key(), g.get("restaurant"), g.get("member")
    if not private or not restaurant or not member:
        return {"push": None}
    return {
        "push": {
            "key": encryption.public_key(private),
            "url": url_for("notifications.subscribe", restaurant_id=restaurant["_id"]),
            "member": member["id"],
            "login": clock.milliseconds(g.login["created_at"]),  # another login has to bring the browser with it again
        }
    }


@blueprint.get(HOME)
@access.least("waiter", devices=True)
def index(restaurant_id: ObjectId) -> ResponseReturnValue:
    """What this phone and one's others are told."""
    member = access.required_member()
    return render_template(
        "notifications/index.html",
        form=forms.ChoiceForm(formdata=None),
        devices=[_device(each) for each in subscriptions.of_member(restaurant_id, member["id"])],
        zones=access.current_restaurant()["zones"],
        mine=member["zones"],
    )


@blueprint.post(HOME)
@access.least("waiter", devices=True)
def subscribe(restaurant_id: ObjectId) -> ResponseReturnValue:
    """This browser asks to be told; its script reads the answer."""
    member, form = access.required_member(), forms.SubscribeForm()
    if not _private_key():
        abort(404)
    if not form.validate():
        return jsonify(message=" ".join(str(text) for errors in form.errors.values() for text in errors)), 400
    browser: subscriptions.Browser = {
        "endpoint": text_of(form.endpoint),
        "p256dh": text_of(form.p256dh),
        "auth": text_of(form.auth),
        "key": encryption.public_key(_private_key()),
        "browser": request.user_agent.string[:200],
        "language": current_language(),
    }
    login_id = access.current_login()["_id"]
    choice = subscriptions.put(restaurant_id, member["id"], login_id, browser, form.choice.data, form.renewed.data)
    return jsonify(choice=choice)


@blueprint.post(f"{ONE}/choice")
@access.least("waiter", devices=True)
def choose(restaurant_id: ObjectId, name: str) -> ResponseReturnValue:
    """Tell one of one's browsers more, less, or nothing."""
    member, form = access.required_member(), forms.ChoiceForm()
    if not form.validate():
        abort(400)
    subscription_id = subscriptions.full_id(restaurant_id, name)
    if not subscriptions.choose(restaurant_id, member["id"], subscription_id, form.choice.data):
        abort(404)
    flash(_("This is how it is from now on."), "success")
    return _to_index(restaurant_id)


@blueprint.post(f"{ONE}/try")
@access.least("waiter", devices=True)
def try_out(restaurant_id: ObjectId, name: str) -> ResponseReturnValue:
    """Send one of one's browsers a message, to see whether it arrives."""
    member, subscription_id = access.required_member(), subscriptions.full_id(restaurant_id, name)
    if not Form().validate():
        abort(400)
    if subscription_id not in [each["_id"] for each in subscriptions.of_member(restaurant_id, member["id"])]:
        abort(404)
    limits.check("push_try", member["id"])
    messages.enqueue_trial(restaurant_id, subscription_id)
    flash(_("A message is on its way. It should be there in a few seconds."), "info")
    return _to_index(restaurant_id)


@blueprint.post(f"{HOME}/zones")
@access.least("waiter", devices=True)
def zones(restaurant_id: ObjectId) -> ResponseReturnValue:
    """Which zones are one's own: their calls are told at once."""
    member, form = access.required_member(), forms.ZonesForm(access.current_restaurant()["zones"])
    if not form.validate():
        abort(400)
    restaurants.set_zones(restaurant_id, member["id"], form.zones.data or [])
    flash(_("Your zones are saved."), "success")
    return _to_index(restaurant_id)


def _private_key() -> str:
    return config().vapid_private_key


def _device(subscription: Subscription) -> dict[str, Any]:
    name = subscription["_id"].rpartition(":")[2]
    words = browsers.in_words(subscription["browser"])
    return {
        "name": name,
        "words": words,
        "choice": subscription["choice"],
        "since": subscription["created_at"],
        "fails": "failed_at" in subscription,
    }


def _to_index(restaurant_id: ObjectId) -> ResponseReturnValue:
    return redirect(url_for("notifications.index", restaurant_id=restaurant_id), 303)
