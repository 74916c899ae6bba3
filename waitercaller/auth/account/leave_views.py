"""Data export and deletion of the account."""

import json

from flask import Response, flash, make_response, redirect, render_template, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from waitercaller.auth.account import blueprint, leaving
from waitercaller.auth.account.forms import deletion_form
from waitercaller.db import clock
from waitercaller.model import export as exports
from waitercaller.web import access, audit, limits
from waitercaller.web.forms import Form, refused
from waitercaller.web.languages import current_language


@blueprint.route("/account/export", methods=["GET", "POST"])
@access.person
@access.sensitive
def export() -> ResponseReturnValue:
    """Download all personal data as JSON."""
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
    """Delete the account and close the restaurants of which this person is the only owner."""
    person = access.current_person()
    memberships = leaving.memberships_of(person["_id"])
    form = deletion_form([each["restaurant"] for each in memberships if each["will_be_closed"]])
    if not form.is_submitted():
        return render_template("auth/account/delete.html", form=form, memberships=memberships)
    if not form.validate():
        return refused("auth/account/delete.html", form, memberships=memberships)
    try:
        leaving.delete_account(person, memberships, current_language())
    except leaving.OwnershipChanged:
        flash(_("Who owns a restaurant has just changed. Please read again what would happen."), "warning")
        return redirect(url_for("account.delete"), 303)
    # Without a name: the audit must not contain data that were just deleted.
    audit.record("deleted", actor={"id": "", "name": ""})
    session.clear()
    flash(_("Your account is deleted. Thank you for having been here."), "success")
    return redirect(url_for("site.home"), 303)
