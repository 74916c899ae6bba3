"""The pages of mailed links: an operator's invitation, confirm a registration, reset the password.

A link stores its token in the cookie session and redirects to a URL without it; only a POST there redeems the token.
"""

from typing import cast

from bson import ObjectId
from flask import flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pymongo.client_session import ClientSession

from waitercaller.auth import blueprint
from waitercaller.auth.forms import ConfirmForm, ResetForm
from waitercaller.db.client import transaction
from waitercaller.mail import outbox
from waitercaller.model import first_call, logins, restaurants, tenancy, time_zones, tokens, users
from waitercaller.model.tokens import TokenError
from waitercaller.model.users import Registration, User
from waitercaller.web import access, audit, limits, links, passwords
from waitercaller.web import registration as registrations
from waitercaller.web.errors import DomainError
from waitercaller.web.forms import refused, text_of
from waitercaller.web.languages import current_language


@blueprint.get("/register/<string(maxlength=300):token>")
@access.anyone
def owner_link(token: str) -> ResponseReturnValue:
    """The link of an operator's invitation to register a restaurant."""
    return links.store_token_and_redirect("owner", token, "auth.register")


@blueprint.get("/confirm/<string(maxlength=300):token>")
@access.anyone
def confirm_link(token: str) -> ResponseReturnValue:
    """The link in the mail of a registration."""
    return links.store_token_and_redirect("confirm", token, "auth.confirm")


@blueprint.route("/confirm", methods=["GET", "POST"])
@access.anyone
def confirm() -> ResponseReturnValue:
    """Confirm the address; in another browser than the one that registered, with the password."""
    token = session.get("confirm_token", "")
    registration = _pending_registration(token)
    form, email = ConfirmForm(), registration["email"]
    if session.get("registration") == str(registration["_id"]):
        del form.password
    if not form.is_submitted():
        return render_template("auth/confirm.html", form=form, email=email)
    if not form.validate():
        return refused("auth/confirm.html", form, email=email)
    limits.check("redeem")
    if form.password and not passwords.verify(text_of(form.password), registration["password_hash"]):
        form.password.errors = [_("This is not the password of the registration.")]
        return refused("auth/confirm.html", form, email=email)
    user, restaurant_id = _create_account(token)
    access.log_out()  # end a previous login of this browser
    access.log_in(user)
    flash(_("Your address is confirmed and your restaurant is open."), "success")
    return redirect(url_for("requests.dashboard.first_call", restaurant_id=restaurant_id), 303)


@blueprint.get("/reset/<string(maxlength=300):token>")
@access.anyone
def reset_link(token: str) -> ResponseReturnValue:
    """The link in the mail about a forgotten password."""
    return links.store_token_and_redirect("reset", token, "auth.reset")


@blueprint.route("/reset", methods=["GET", "POST"])
@access.anyone
def reset() -> ResponseReturnValue:
    """Set a new password; ends all logins and starts none."""
    token = session.get("reset_token", "")
    user = _user_of_reset(token)
    form, email = ResetForm(), user["email"]
    form.names = (email, user["name"], *(each["name"] for each in restaurants.of_user(user["_id"])))
    if not form.is_submitted():
        return render_template("auth/reset.html", form=form, email=email)
    if not form.validate():
        return refused("auth/reset.html", form, email=email)
    limits.check("redeem")
    _change_password(token, passwords.hashed(text_of(form.password)))
    audit.record("password_reset", user_id=user["_id"])
    session.pop("reset_token")
    flash(_("Your password is changed. Please log in with it."), "success")
    return redirect(url_for("auth.login"), 303)


@blueprint.errorhandler(TokenError)
def invalid_link(error: TokenError) -> ResponseReturnValue:
    """An expired or used link (410) or an invalid one (400)."""
    purpose = {"auth.reset": "reset", "auth.register": "owner"}.get(str(request.endpoint), "confirm")
    return render_template("auth/invalid_link.html", reason=error.reason, purpose=purpose), error.status


def _pending_registration(token: str) -> Registration:
    """The registration of a token. Raises TokenError, also if the address has an account by now."""
    registration = users.registration(ObjectId(tokens.peek("confirm", token)))
    if registration is None or users.with_address(registration["email"]):
        raise TokenError("used")
    _refuse_if_closed(registration, None)
    return registration


def _refuse_if_closed(registration: Registration, txn: ClientSession | None) -> registrations.State:
    """What holds for this registration: "open" if an operator has invited it. Raises DomainError (403) if "closed"."""
    state = "open" if registration.get("invited") else registrations.state(txn)
    if state == "closed":
        raise _closed()
    return state


def _closed() -> DomainError:
    message = _("Registration was closed in the meantime. Nothing was opened.")
    return DomainError(message, 403, title=_("By invitation only"))


def _user_of_reset(token: str) -> User:
    """The user of a reset token. Raises TokenError."""
    user = users.get(ObjectId(tokens.peek("reset", token)))
    if user is None:
        raise TokenError("invalid")
    return user


def _create_account(token: str) -> tuple[User, ObjectId]:
    """Create user and restaurant from a registration, in one transaction. Raises TokenError, DomainError (403)."""

    def work(txn: ClientSession | None) -> tuple[ObjectId, ObjectId]:
        registration = users.registration(ObjectId(tokens.redeem("confirm", token, txn)), txn)
        if registration is None:
            raise TokenError("used")
        state = _refuse_if_closed(registration, txn)
        email, name, language = registration["email"], registration["name"], registration["language"]
        user_id = users.create(email, name, registration["password_hash"], txn)
        restaurant_id = restaurants.create(
            registration["restaurant_name"],
            user_id,
            name,
            language,
            txn,
            time_zone=registration.get("time_zone", time_zones.UNSET),
        )
        if state == "first":
            tenancy.mark_as_first(restaurant_id, txn)
        first_call.begin(restaurant_id, txn)
        users.drop_registration(registration["_id"], txn)
        tokens.revoke(email, txn)  # the invitation
        return user_id, restaurant_id

    try:
        user_id, restaurant_id = transaction(work)
    except users.AddressTakenError:
        raise TokenError("used") from None
    except tenancy.NotTheFirstError:
        raise _closed() from None
    audit.record("confirmed", user_id=user_id, restaurant_id=restaurant_id)
    return cast(User, users.get(user_id)), restaurant_id


def _change_password(token: str, password_hash: str) -> None:
    """Redeem the token and set the password; revokes all tokens and logins of the user. Raises TokenError."""
    language = current_language()

    def change(txn: ClientSession | None) -> None:
        user_id = ObjectId(tokens.redeem("reset", token, txn))
        user = users.get(user_id, txn)
        if user is None:
            raise TokenError("invalid")
        users.set_password(user_id, password_hash, txn)
        tokens.revoke(str(user_id), txn)
        logins.end_all(user_id, txn)
        outbox.enqueue("password_changed", user["email"], txn=txn, language=language)

    transaction(change)
