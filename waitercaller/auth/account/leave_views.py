"""What is held about one, to take along; and the way out, for good."""

import json

from flask import Response, flash, make_response, redirect, render_template, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from waitercaller.auth.account import blueprint, leaving
from waitercaller.auth.account.forms import leave_form
from waitercaller.db import clock
from waitercaller.model import export as exports
from waitercaller.web import access, audit, limits
from waitercaller.web.forms import Form, refused
from waitercaller.web.languages import current_language


@blueprint.route("/account/export", methods=["GET", "POST"])
@access.person
@access.sensitive
def export() -> ResponseReturnValue:
    """Download all that is held about this person, as JSON."""
    person, form = access.current_person(), Form()
    if not form.is_submitted():
        return render_template("auth/account/export.html", form=form)
    if not form.validate():
        return refused("auth/account/export.html", form)
    limits.check("export", str(person["_id"]))
    audit.record("exported", user_id=person["_id"])
    body = json.dumps(exports.about(person), ensure_ascii=False, indent=2)
    response: Response = make_response(body)
    response.mimetype = "application/json"
    name = f"waiter-caller-{clock.now():%Y-%m-%d}.json"
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


@blueprint.route("/account/delete", methods=["GET", "POST"])
@access.person
@access.sensitive
def delete() -> ResponseReturnValue:
    """Delete the account, and the restaurants that nobody else owns."""
    person = access.current_person()
    places = leaving.places_of(person["_id"])
    form = leave_form([place["restaurant"] for place in places if place["is_doomed"]])
    if not form.is_submitted():
        return render_template("auth/account/delete.html", form=form, places=places)
    if not form.validate():
        return refused("auth/account/delete.html", form, places=places)
    try:
        leaving.leave(person, places, current_language())
    except leaving.Overtaken:
        flash(_("Who owns a restaurant has just changed. Please read again what would happen."), "warning")
        return redirect(url_for("account.delete"), 303)
    # No name: the audit must not hold what was just deleted.
    audit.record("deleted", actor={"id": "", "name": ""})
    session.clear()
    flash(_("Your account is deleted. Thank you for having been here."), "success")
    return redirect(url_for("site.home"), 303)
