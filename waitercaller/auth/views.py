"""The first pages: the start, registering, and asking for the mails of it or for a new password.

What mailed links lead to is in link_views, logging in and out in login_views.
"""

from bson import ObjectId
from flask import flash, redirect, render_template, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user
from pymongo.client_session import ClientSession

from waitercaller import access, analytics, audit, limits, mail, passwords, restaurants
from waitercaller.auth import blueprint
from waitercaller.auth import store as users
from waitercaller.auth.forms import AddressForm, RegisterForm
from waitercaller.db import transaction
from waitercaller.forms import refused, text_of
from waitercaller.i18n import current_language


@blueprint.get("/")
@access.anyone
@analytics.counted()
def home() -> ResponseReturnValue:
    """What it is; whoever is logged in goes on to work."""
    if current_user.is_authenticated:
        return redirect(start_page(), 303)
    return render_template("home.html")


@blueprint.route("/register", methods=["GET", "POST"])
@access.anyone
def register() -> ResponseReturnValue:
    """Register a restaurant; an address that has an account already is answered in the same way."""
    if current_user.is_authenticated:
        return redirect(start_page(), 303)
    form = RegisterForm()
    if not form.is_submitted():
        return render_template("auth/register.html", form=form)
    if not form.validate():
        return refused("auth/register.html", form)
    limits.check("register", text_of(form.email))
    session["registration"] = str(_keep_registration(form))
    session["registration_email"] = form.email.data
    return redirect(url_for("auth.registered"), 303)


@blueprint.get("/registered")
@access.anyone
def registered() -> ResponseReturnValue:
    """Look into your mail; or have it sent again."""
    email = session.get("registration_email")
    return render_template("auth/registered.html", form=AddressForm(data={"email": email}), email=email)


@blueprint.post("/resend")
@access.anyone
def resend() -> ResponseReturnValue:
    """Send the mail of a registration again, if one waits for this address; the answer does not tell."""
    form = AddressForm()
    if not form.validate():
        return refused("auth/registered.html", form, email=session.get("registration_email"))
    email = text_of(form.email)
    limits.check("resend", email)
    mail.enqueue("confirm", email, language=current_language(), registration_id=_own_registration())
    session["registration_email"] = email
    flash(_("If a registration waits for this address, its link is on its way once more."), "info")
    return redirect(url_for("auth.registered"), 303)


@blueprint.route("/forgot", methods=["GET", "POST"])
@access.anyone
def forgot() -> ResponseReturnValue:
    """Ask for the link to a new password; the answer does not tell whether the address is known."""
    form = AddressForm()
    if not form.is_submitted():
        return render_template("auth/forgot.html", form=form)
    if not form.validate():
        return refused("auth/forgot.html", form)
    email = text_of(form.email)
    limits.check("forgot", email)
    mail.enqueue("reset", email, language=current_language())
    session["forgot_email"] = email
    return redirect(url_for("auth.forgot_sent"), 303)


@blueprint.get("/forgot/sent")
@access.anyone
def forgot_sent() -> ResponseReturnValue:
    """Look into your mail."""
    return render_template("auth/forgot_sent.html", email=session.get("forgot_email"))


def start_page() -> str:
    """Where whoever is logged in here begins: a screen with its restaurant's calls, a person where the work is."""
    if current_user.user is None:
        return url_for("requests.dashboard", restaurant_id=current_user.login["restaurant_id"])
    return workplace(current_user.user["_id"])


def workplace(user_id: ObjectId) -> str:
    """The address where a person's work is: the dashboard of the first restaurant, else the account."""
    places = restaurants.of_user(user_id)
    return url_for("requests.dashboard", restaurant_id=places[0]["_id"]) if places else url_for("account.index")


def _keep_registration(form: RegisterForm) -> ObjectId:
    """Keep what was typed and the order for its mail, both or neither."""
    email, language = text_of(form.email), current_language()
    password_hash = passwords.hashed(text_of(form.password))

    def keep(session: ClientSession | None) -> ObjectId:
        registration_id = users.register(
            email, text_of(form.name), text_of(form.restaurant), password_hash, language, session
        )
        mail.enqueue("confirm", email, session=session, language=language, registration_id=registration_id)
        return registration_id

    kept = transaction(keep)
    audit.record("registered")
    return kept


def _own_registration() -> ObjectId | None:
    """The registration this browser made, if it made one."""
    registration_id = session.get("registration")
    return ObjectId(registration_id) if registration_id else None
