"""Login with e-mail address and password, then the second factor if enabled; logout."""

from datetime import UTC, datetime, timedelta

from bson import ObjectId
from flask import flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user

from waitercaller.auth import blueprint, second_factor
from waitercaller.auth.forms import CodeForm, LoginForm
from waitercaller.db import clock
from waitercaller.model import users
from waitercaller.model.logins import Login
from waitercaller.model.restaurants import Actor
from waitercaller.model.users import User
from waitercaller.web import access, audit, limits, passwords, registration, routing
from waitercaller.web.forms import refused, text_of
from waitercaller.web.languages import current_language
from waitercaller.web.start import start_page

PENDING_LOGIN_LIFETIME = timedelta(minutes=10)  # between password and second factor


@blueprint.route("/login", methods=["GET", "POST"])
@access.anyone
def login() -> ResponseReturnValue:
    """Log in with e-mail address and password."""
    if current_user.is_authenticated and request.method != "POST":
        return redirect(start_page(), 303)
    form, about = LoginForm(), {"may_register": registration.state() != "closed"}
    if not form.is_submitted():
        return render_template("auth/login.html", form=form, **about)
    if not form.validate():
        return refused("auth/login.html", form, **about)
    user = _authenticate(text_of(form.email), text_of(form.password))
    if user and user.get("disabled_at"):
        form.form_errors.append(_("Whoever runs this site has disabled this account. Please ask them."))
        return refused("auth/login.html", form, **about)
    if user and user.get("two_factor"):
        _start_pending_login(user)
        return redirect(url_for("auth.code", next=routing.safe_next(request.args.get("next"))), 303)
    if user is None or not _log_in(user):
        form.form_errors.append(_("No account has this address with this password."))
        return refused("auth/login.html", form, **about)
    return _redirect_to_next()


@blueprint.route("/login/code", methods=["GET", "POST"])
@access.anyone
def code() -> ResponseReturnValue:
    """The second step, after the password: a code from the app or a recovery code."""
    user = _pending_user()
    if user is None:
        if session.pop("pending_login", None):
            flash(_("That took too long, or your password was changed. Please log in again."), "info")
        return redirect(url_for("auth.login", next=routing.safe_next(request.args.get("next"))), 303)
    form = CodeForm()
    if not form.is_submitted():
        return render_template("auth/code.html", form=form)
    if not form.validate():
        return refused("auth/code.html", form)
    limit_keys = _limit_keys(user)
    limits.check("two_factor", *limit_keys)
    kind = second_factor.accept(user, text_of(form.code), current_language())
    if kind is None:
        audit.record("login_failed", user_id=user["_id"], step="second factor")
        form.code.errors = [_("This code does not count. Each one counts once, and for half a minute.")]
        form.code.data = ""
        return refused("auth/code.html", form)
    if not _log_in(user):
        return redirect(url_for("auth.login"), 303)
    limits.clear("two_factor", *limit_keys)
    if kind == "recovery":
        _report_remaining_codes(user)
    return _redirect_to_next()


@blueprint.post("/logout")
@access.anyone
def logout() -> ResponseReturnValue:
    """End this browser's login."""
    if current_user.is_authenticated and current_user.user:
        audit.record("logout", user_id=current_user.user["_id"], actor=_actor(current_user.user))
    elif current_user.is_authenticated:
        _record_device_logout(current_user.login)
    access.log_out()
    flash(_("You are logged out."), "success")
    return redirect(url_for("auth.login"), 303)


def _authenticate(email: str, password: str) -> User | None:
    """The user with this address and password, or None; takes the same time if the address is unknown."""
    limits.check("login", email)
    user = users.with_address(email)
    right = passwords.verify(password, user["password_hash"] if user else None)
    if user is None or not right:
        audit.record("login_failed", user_id=user["_id"] if user else None)
        return None
    limits.clear("login", email)
    if passwords.needs_update(user["password_hash"]):
        users.rehash(user, passwords.hashed(password))
    return user


def _start_pending_login(user: User) -> None:
    """Store in the cookie session that the password was right, valid for PENDING_LOGIN_LIFETIME; not a login yet."""
    access.log_out()  # end a previous login of this browser
    began, password_version = clock.milliseconds(clock.now()), clock.milliseconds(user["password_changed_at"])
    session["pending_login"] = [str(user["_id"]), began, password_version]


def _pending_user() -> User | None:
    """The user of the pending login; None if expired, the password changed, or the second factor was disabled."""
    user_id, began, password_version = session.get("pending_login") or (None, 0, 0)
    if user_id is None or clock.now() - datetime.fromtimestamp(began / 1000, UTC) > PENDING_LOGIN_LIFETIME:
        return None
    user = users.get(ObjectId(user_id))
    if (
        user is None
        or not user.get("two_factor")
        or clock.milliseconds(user["password_changed_at"]) != password_version
    ):
        return None
    return user


def _limit_keys(user: User) -> tuple[str, str]:
    """Keys of the limit of second-factor tries: the user and the version of the password.

    If somebody who knows the password uses up the tries, a password reset unlocks the user.
    """
    return str(user["_id"]), str(clock.milliseconds(user["password_changed_at"]))


def _log_in(user: User) -> bool:
    """Log in this user; False if password or second factor changed since the document was read."""
    access.log_out()
    access.log_in(user)
    if not users.record_login(user):
        access.log_out()
        return False
    audit.record("login_ok", user_id=user["_id"], actor=_actor(user))
    return True


def _record_device_logout(login: Login) -> None:
    by: Actor = {"id": str(login["actor"]["id"]), "name": login["name"]}
    audit.record("device_ended", restaurant_id=login["restaurant_id"], actor=by, name=login["name"])


def _redirect_to_next() -> ResponseReturnValue:
    return redirect(routing.safe_next(request.args.get("next")) or start_page(), 303)


def _report_remaining_codes(user: User) -> None:
    left = len(user["two_factor"]["recovery_codes"]) - 1
    audit.record("two_factor_recovery_used", user_id=user["_id"], actor=_actor(user), left=left)
    flash(ngettext("You have %(num)d recovery code left.", "You have %(num)d recovery codes left.", left), "info")


def _actor(user: User) -> Actor:
    return {"id": str(user["_id"]), "name": user["name"]}
