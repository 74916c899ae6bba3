"""“Try it with my whole house”: starts a rehearsal, and shows what happened where, after how many seconds."""

from bson import ObjectId
from flask import abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from waitercaller.alerts import due_steps
from waitercaller.model.requests import rehearsals
from waitercaller.staff import blueprint
from waitercaller.web import access, limits, rehearsal_words
from waitercaller.web.forms import ButtonForm

HOME = "/r/<objectid:restaurant_id>/staff/hearing/rehearsal"


@blueprint.post(HOME)
@access.least("manager")
def rehearse(restaurant_id: ObjectId) -> ResponseReturnValue:
    """Start a rehearsal; where one is under way already, show that."""
    if not ButtonForm().validate():
        abort(400)
    limits.check("push_try", access.required_member()["id"])
    try:
        request = rehearsals.begin(access.current_restaurant(), access.current_actor())
    except rehearsals.UnderWay as other:
        flash(_("A test call is under way already. This is it."), "warning")
        return _to(restaurant_id, other.request_id)
    due_steps.take_now([request])
    return _to(restaurant_id, request["_id"])


@blueprint.get(f"{HOME}/<objectid:request_id>", endpoint="rehearsal")
@access.least("manager")
def show_rehearsal(restaurant_id: ObjectId, request_id: ObjectId) -> ResponseReturnValue:
    """What happened, on which screen and phone, after how many seconds; loads itself again while it may change."""
    request = rehearsals.find(restaurant_id, request_id) or abort(404)
    return render_template("staff/rehearsal.html", **rehearsal_words.page_context(access.current_restaurant(), request))


def _to(restaurant_id: ObjectId, request_id: ObjectId) -> ResponseReturnValue:
    return redirect(url_for("staff.rehearsal", restaurant_id=restaurant_id, request_id=request_id), 303)
