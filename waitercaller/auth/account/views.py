"""The account page, change of name and password, and re-authentication."""

from datetime import datetime
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user
from pymongo.client_session import ClientSession

from waitercaller.auth.account import blueprint, proof, words
from waitercaller.auth.account.forms import NameForm, PasswordForm, VerifyForm
from waitercaller.db.client import transaction
from waitercaller.mail import outbox
from waitercaller.model import audit_trail, logins, profiles, restaurants, subscriptions, users
from waitercaller.model.users import User
from waitercaller.web import access, audit, passwords, routing
from waitercaller.web.errors import DomainError
from waitercaller.web.forms import refused, text_of
from waitercaller.web.languages import current_language


@blueprint.get("/account")
@access.person
def index() -> ResponseReturnValue:
    """The account page: name, restaurants and recent events."""
    name = access.current_person()["name"]
    return render_template("auth/account/index.html", form=NameForm(data={"name": name}), **_overview())


@blueprint.post("/account/name")
@access.person
def name() -> ResponseReturnValue:
    """Change the name, in the account and in all restaurants."""
    form = NameForm()
    if not form.validate():
        return refused("auth/account/index.html", form, **_overview())
    user_id, new = access.current_person()["_id"], text_of(form.name)
    transaction(lambda txn: profiles.rename(user_id, new, txn))
    audit.record("name_changed", user_id=user_id)
    flash(_("You are called %(name)s now.", name=new), "success")
    for restaurant in restaurants.of_user(user_id):
        member = restaurants.member_of(restaurant, user_id)
        if member and member["name"] != new:
            here = {"restaurant": restaurant["name"], "name": member["name"]}
            flash(_("At %(restaurant)s somebody has that name already, so you are “%(name)s” there.", **here), "info")
    return redirect(url_for("account.index"), 303)


@blueprint.route("/account/password", methods=["GET", "POST"])
@access.person
def password() -> ResponseReturnValue:
    """Change the password; every other login ends."""
    person, form = access.current_person(), PasswordForm()
    if not form.is_submitted():
        return render_template("auth/account/password.html", form=form)
    own_restaurants = restaurants.of_user(person["_id"])
    form.names = (person["name"], person["email"], *(restaurant["name"] for restaurant in own_restaurants))
    if not form.validate() or not proof.password_is_right(form.current, person):
        return refused("auth/account/password.html", form)
    changed = _change_password(person, passwords.hashed(text_of(form.password)))
    audit.record("password_changed", user_id=person["_id"])
    # With a second factor, the password alone does not count as verification.
    stay_logged_in(changed, access.current_login()["verified_at"] if person.get("two_factor") else None)
    flash(_("Your password is changed, and every other login has ended."), "success")
    return redirect(url_for("account.index"), 303)


@blueprint.route("/account/verify", methods=["GET", "POST"])
@access.person
def verify() -> ResponseReturnValue:
    """Type the password (and code) again for a sensitive page, then redirect to it."""
    person, form = access.current_person(), VerifyForm()
    if not person.get("two_factor"):
        del form.code
    if not form.is_submitted():
        return render_template("auth/account/verify.html", form=form)
    if not form.validate() or not proof.password_is_right(form.password, person):
        return refused("auth/account/verify.html", form)
    if form.code and not proof.code_is_right(form.code, person):
        return refused("auth/account/verify.html", form)
    before = access.current_login()["_id"]
    stay_logged_in(person)  # a new login id after each authentication, against session fixation
    logins.end(before)
    return redirect(routing.safe_next(request.args.get("next")) or url_for("account.index"), 303)


def stay_logged_in(user: User, verified_at: datetime | None = None) -> None:
    """Start a new login of this user in this browser; the caller ends the previous ones.

    `verified_at` is when the password was typed; None: now.
    """
    before = current_user.login["_id"]
    access.log_in(user, verified_at)
    subscriptions.move_to_login(before, current_user.login["_id"])
    if not users.record_login(user):
        access.log_out()  # the password or second factor changed in the meantime


def _overview() -> dict[str, Any]:
    """Context of the account page."""
    person = access.current_person()
    user_id = person["_id"]
    return {
        "restaurants": [
            {
                "_id": restaurant["_id"],
                "name": restaurant["name"],
                "role": member["role"],
                "suspended": bool(restaurant.get("suspended_at")),
            }
            for restaurant in restaurants.of_user(user_id)
            if (member := restaurants.member_of(restaurant, user_id))
        ],
        "pending": profiles.pending_change(person),
        "logins": len(logins.of_person(user_id)),
        "two_factor": person.get("two_factor"),
        "events": [
            (event["at"], words.of_event(event), audit_trail.address_for_person(event))
            for event in audit_trail.of_person(user_id)
        ],
    }


def _change_password(person: User, password_hash: str) -> User:
    """Change it and enqueue the notice, in one transaction. Raises DomainError after a concurrent change."""
    language = current_language()

    def change(txn: ClientSession | None) -> User:
        changed = profiles.change_password(person, password_hash, txn)
        if changed is None:
            raise DomainError(_("Your password was changed elsewhere in the meantime."))
        outbox.enqueue("password_changed", person["email"], txn=txn, language=language)
        return changed

    return transaction(change)
