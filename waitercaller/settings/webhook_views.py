"""The page of the webhook: its address, its secret, the latest messages, and a test."""

import json
from typing import Any

from bson import ObjectId
from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import format_datetime
from flask_babel import gettext as _

from waitercaller.alerts import webhooks as telling
from waitercaller.db.config import config
from waitercaller.model import restaurants, settings, webhooks
from waitercaller.model.messages import Hook
from waitercaller.model.restaurants import Restaurant
from waitercaller.outgoing import delivery
from waitercaller.settings import blueprint
from waitercaller.settings.forms import WebhookForm
from waitercaller.settings.views import saved
from waitercaller.web import access, limits
from waitercaller.web.forms import text_of

HERE = "settings.webhook"


@blueprint.get("/webhook", endpoint="webhook")
@access.least("owner")
def show_webhook(restaurant_id: ObjectId) -> ResponseReturnValue:
    """The webhook and the latest messages to it."""
    present = webhooks.of(settings.get(restaurant_id))
    return _page(restaurant_id, WebhookForm(url=present["url"] if present else ""))


@blueprint.post("/webhook")
@access.least("owner")
def set_webhook(restaurant_id: ObjectId) -> ResponseReturnValue:
    """Set the address; the first one gets a secret."""
    form = WebhookForm()
    if not form.validate():
        return _page(restaurant_id, form), 400
    url = text_of(form.url)
    if _is_internal(url):
        form.url.errors = [_("This is no address of the internet. The operator can allow it (WEBHOOK_HOSTS).")]
        return _page(restaurant_id, form), 400
    return saved(restaurant_id, "webhook", webhooks.put(restaurant_id, url), HERE)


@blueprint.post("/webhook/test")
@access.least("owner")
def try_webhook(restaurant_id: ObjectId) -> ResponseReturnValue:
    """Send a test."""
    restaurant = settings.get(restaurant_id)
    if webhooks.of(restaurant):
        limits.check("webhook_test", str(restaurant_id))
        telling.enqueue_test(restaurant, str(ObjectId()))
        flash(_("The test is on its way. In a few seconds this page says what came of it."), "info")
    return redirect(url_for(HERE, restaurant_id=restaurant_id), 303)


@blueprint.post("/webhook/secret")
@access.least("owner")
def renew_secret(restaurant_id: ObjectId) -> ResponseReturnValue:
    """Replace the secret."""
    return saved(restaurant_id, "webhook", webhooks.renew_secret(restaurant_id), HERE)


@blueprint.post("/webhook/remove")
@access.least("owner")
def remove_webhook(restaurant_id: ObjectId) -> ResponseReturnValue:
    """Remove the webhook."""
    return saved(restaurant_id, "webhook", webhooks.remove(restaurant_id), HERE)


def _is_internal(url: str) -> bool:
    """Whether the host is plainly none of the internet. What its name leads to is looked at when a message is sent."""
    if delivery.is_allowed(url, config().webhook_hosts):
        return False
    host = delivery.host_of(url)
    try:
        return not delivery.is_public(host)
    except ValueError:  # a name
        return "." not in host.rstrip(".")


def _page(restaurant_id: ObjectId, form: WebhookForm) -> str:
    restaurant = settings.get(restaurant_id)
    webhook = webhooks.of(restaurant)
    messages = [_row(each, restaurant) for each in webhooks.latest(restaurant_id)] if webhook else []
    return render_template("settings/webhook.html", form=form, webhook=webhook, messages=messages)


def _row(hook: Hook, restaurant: Restaurant) -> dict[str, Any]:
    """A line of the list: what was told, when, and what came of it."""
    look, outcome = _outcome(hook)
    there = hook["created_at"].astimezone(restaurants.time_zone(restaurant))
    return {
        "text": json.loads(hook["body"])["data"]["text"],
        "event": hook["event"],
        "at": format_datetime(there, "short", rebase=False),
        "look": look,
        "outcome": outcome,
        "answer": _answer(hook),
        "tries": hook["attempts"],
    }


def _outcome(hook: Hook) -> tuple[str, str]:
    if hook["state"] == "due":
        return ("warn", _("Is tried again")) if "tried_at" in hook else ("calm", _("On its way"))
    return {
        "sent": ("calm", _("Delivered")),
        "failed": ("late", _("Given up")),
        "dropped": ("warn", _("Not sent")),
    }[hook["state"]]


def _answer(hook: Hook) -> str:
    """What the receiver answered at the last try; "" if it was not tried."""
    if "tried_at" not in hook:
        return ""
    if not (problem := hook.get("problem")):
        return str(_("Answer: %(status)d", status=hook["status"]))
    words = {
        "internal": _("No address of the internet"),
        "timeout": _("No answer in time"),
        "certificate": _("Its certificate is not valid"),
        "unreachable": _("Cannot be reached"),
    }
    return str(words[problem])
