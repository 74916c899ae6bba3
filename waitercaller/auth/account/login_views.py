"""The list of a person's logins, and ending them. ASVS 7.5.2: needs a recently typed password."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from waitercaller.auth.account import blueprint
from waitercaller.model import logins
from waitercaller.web import access, audit, browsers


@blueprint.get("/account/sessions")
@access.person
@access.sensitive
def sessions() -> ResponseReturnValue:
    """All valid logins of this person."""
    here = access.current_login()["_id"]
    rows = [
        {**login, "browser": browsers.in_words(login["browser"]), "is_here": login["_id"] == here}
        for login in logins.of_person(access.current_person()["_id"])
    ]
    return render_template("auth/account/logins.html", logins=sorted(rows, key=lambda row: not row["is_here"]))


@blueprint.post("/account/sessions/end")
@access.person
@access.sensitive
def end_session() -> ResponseReturnValue:
    """End one login, or all but this one; their open streams close within seconds."""
    user_id, here = access.current_person()["_id"], access.current_login()["_id"]
    which = request.form.get("login", "")
    if which == "others":
        logins.end_all(user_id, except_id=here)
        flash(_("Every other login has ended."), "success")
    else:
        # An unknown id, or one of another person, gets the same response as a login that has already ended.
        if any(login["_id"] == which for login in logins.of_person(user_id)):
            logins.end(which)
        flash(_("That login has ended."), "success")
    audit.record("session_ended", user_id=user_id, which="others" if which == "others" else "one")
    return redirect(url_for("account.sessions"), 303)
