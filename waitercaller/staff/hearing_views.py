"""The page "Who can hear", for managers, with a test message for each phone and a ring for each screen."""

from bson import ObjectId
from flask import abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from waitercaller.alerts import messages
from waitercaller.model import screen_rings, subscriptions
from waitercaller.push import outbox
from waitercaller.staff import blueprint, hearing
from waitercaller.web import access, limits
from waitercaller.web.forms import ButtonForm


@blueprint.get("/r/<objectid:restaurant_id>/staff/hearing", endpoint="hearing")
@access.least("manager")
def show_hearing(restaurant_id: ObjectId) -> ResponseReturnValue:
    """Each open screen and each phone of those on duty, and what is known of it."""
    context = hearing.page_context(access.current_restaurant())
    return render_template("staff/hearing.html", sends_messages=outbox.is_enabled(), **context)


@blueprint.post("/r/<objectid:restaurant_id>/staff/hearing/<string(length=32):name>/ring")
@access.least("manager")
def ring(restaurant_id: ObjectId, name: str) -> ResponseReturnValue:
    """Send a member's phone a message, to see whether it arrives."""
    if not ButtonForm().validate():
        abort(400)
    subscription = subscriptions.get(subscriptions.full_id(restaurant_id, name)) or abort(404)
    limits.check("push_try", access.required_member()["id"])
    messages.enqueue_trial(restaurant_id, subscription["_id"])
    flash(_("A message is on its way. It should be there in a few seconds."), "info")
    return redirect(url_for("staff.hearing", restaurant_id=restaurant_id), 303)


@blueprint.post("/r/<objectid:restaurant_id>/staff/hearing/screens/<string(length=8):key>/ring")
@access.least("manager")
def ring_screen(restaurant_id: ObjectId, key: str) -> ResponseReturnValue:
    """Ask an open screen to ring once; the page shows what it answers."""
    if not ButtonForm().validate():
        abort(400)
    me = access.required_member()
    limits.check("push_try", me["id"])
    if not screen_rings.ask(restaurant_id, key, me["name"]):
        flash(_("That screen is not open any more."), "warning")
    return redirect(url_for("staff.hearing", restaurant_id=restaurant_id), 303)
