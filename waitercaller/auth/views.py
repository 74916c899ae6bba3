"""Registration, for everybody or by invitation, and requests for its mail again or for a password reset.

Mailed links: link_views; login and logout: login_views.
"""

from bson import ObjectId
from flask import flash, redirect, render_template, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user
from pymongo.client_session import ClientSession

from waitercaller.auth import blueprint
from waitercaller.auth.forms import AddressForm, RegisterForm
from waitercaller.db.client import transaction
from waitercaller.mail import outbox
from waitercaller.model import time_zones, tokens, users
from waitercaller.model.tokens import TokenError
from waitercaller.web import access, audit, limits, passwords, registration
from waitercaller.web.forms import refused, text_of
from waitercaller.web.languages import current_language
from waitercaller.web.start import start_page


@blueprint.route("/register", methods=["GET", "POST"])
@access.anyone
def register() -> ResponseReturnValue:
    """Register a restaurant; the response does not disclose whether the address has an account.

    By an operator's invitation it is for the invited address, and possible while registration is closed.
    """
    if current_user.is_authenticated:
        return redirect(start_page(), 303)
    invited, state = _invited_address(), registration.state()
    if not invited and state == "closed":
        return render_template("auth/not_open.html"), 403
    form, about = RegisterForm(), {"invited": invited, "state": state}
    if invited:
        del form.email
        form.names = (invited,)
    if not form.is_submitted():
        return render_template("auth/register.html", form=form, **about)
    if not form.validate():
        return refused("auth/register.html", form, **about)
    email = invited or text_of(form.email)
    limits.check("register", email)
    session["registration"] = str(_create_registration(form, email, bool(invited)))
    session["registration_email"] = email
    return redirect(url_for("auth.registered"), 303)


@blueprint.get("/registered")
@access.anyone
def registered() -> ResponseReturnValue:
    """The page after registration, with the form to send the mail again."""
    email = session.get("registration_email")
    return render_template("auth/registered.html", form=AddressForm(data={"email": email}), email=email)


@blueprint.post("/resend")
@access.anyone
def resend() -> ResponseReturnValue:
    """Send the mail of a pending registration again; the response does not disclose whether there is one."""
    form = AddressForm()
    if not form.validate():
        return refused("auth/registered.html", form, email=session.get("registration_email"))
    email = text_of(form.email)
    limits.check("resend", email)
    outbox.enqueue("confirm", email, language=current_language(), registration_id=_own_registration())
    session["registration_email"] = email
    flash(_("If a registration waits for this address, its link is on its way once more."), "info")
    return redirect(url_for("auth.registered"), 303)


@blueprint.route("/forgot", methods=["GET", "POST"])
@access.anyone
def forgot() -> ResponseReturnValue:
    """Request a password reset; the response does not disclose whether the address is known."""
    form = AddressForm()
    if not form.is_submitted():
        return render_template("auth/forgot.html", form=form)
    if not form.validate():
        return refused("auth/forgot.html", form)
    email = text_of(form.email)
    limits.check("forgot", email)
    outbox.enqueue("reset", email, language=current_language())
    session["forgot_email"] = email
    return redirect(url_for("auth.forgot_sent"), 303)


@blueprint.get("/forgot/sent")
@access.anyone
def forgot_sent() -> ResponseReturnValue:
    """The page after a request for a password reset."""
    return render_template("auth/forgot_sent.html", email=session.get("forgot_email"))


def _invited_address() -> str:
    """The address of the operator's invitation whose link was opened in this browser; "" if none was.

    Raises TokenError if it is not valid, once: then the page is that of everybody.
    """
    token = session.get("owner_token")
    if not token:
        return ""
    try:
        return tokens.peek("owner", token)
    except TokenError:
        session.pop("owner_token")
        raise


def _create_registration(form: RegisterForm, email: str, invited: bool) -> ObjectId:
    """Write the registration and enqueue its mail, in one transaction."""
    language = current_language()
    password_hash = passwords.hashed(text_of(form.password))
    time_zone = time_zones.known(text_of(form.time_zone))

    def work(txn: ClientSession | None) -> ObjectId:
        registration_id = users.register(
            email, text_of(form.name), text_of(form.restaurant), password_hash, language, time_zone, txn, invited
        )
        outbox.enqueue("confirm", email, txn=txn, language=language, registration_id=registration_id)
        return registration_id

    registration_id = transaction(work)
    audit.record("registered")
    return registration_id


def _own_registration() -> ObjectId | None:
    """The registration made in this browser, if any."""
    registration_id = session.get("registration")
    return ObjectId(registration_id) if registration_id else None
