"""Acceptance of an invitation by mail.

The link proves the e-mail address. A visitor with an account logs in; one without an account chooses name and password.
Whether the address has an account is disclosed only to visitors with the link, or logged in with that address.
"""

from dataclasses import dataclass
from typing import cast

from bson import ObjectId
from flask import flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user
from pymongo.client_session import ClientSession

from waitercaller.db.client import transaction
from waitercaller.model import invitations, restaurants, tokens, users
from waitercaller.model.invitations import Invitation
from waitercaller.model.restaurants import Restaurant
from waitercaller.model.tokens import TokenError
from waitercaller.model.users import User
from waitercaller.staff import blueprint
from waitercaller.staff.forms import JoinForm
from waitercaller.web import access, audit, limits, links, passwords
from waitercaller.web.forms import ButtonForm, refused, text_of

PURPOSE = "invitation"


@dataclass
class Acceptance:
    """An invitation that this visitor may accept."""

    invitation: Invitation
    email: str  # of the recipient
    restaurant: Restaurant
    token: str  # "" if the login, not the link, proves the address
    account: User | None  # with this address
    visitor: User | None  # logged in here

    @property
    def is_for_visitor(self) -> bool:
        return bool(self.visitor and self.visitor["email"] == self.email)

    def join_form(self) -> JoinForm:
        """The form to create an account, with the name from the invitation."""
        form = JoinForm()
        form.names = (self.email, self.restaurant["name"])
        if not form.is_submitted():
            form.name.data = self.invitation["name"]
        return form

    def page(self) -> dict[str, object]:
        """The template context."""
        return {
            "invitation": self.invitation,
            "place": self.restaurant,
            "is_for_visitor": self.is_for_visitor,
            "visitor": self.visitor,
            "has_account": self.account is not None,
        }


@blueprint.get("/invitation/<string(maxlength=300):token>")
@access.anyone
def invitation_link(token: str) -> ResponseReturnValue:
    """The link in the mail of an invitation."""
    return links.store_token_and_redirect("invitation", token, "staff.invitation")


@blueprint.route("/invitation", methods=["GET", "POST"])
@access.anyone
def invitation() -> ResponseReturnValue:
    """Accept the invitation, with or without an existing account."""
    acceptance = _acceptance()
    if not acceptance.is_for_visitor and (acceptance.visitor or acceptance.account):
        # Logged in as another user, or not logged in: the page links to the login, which returns here.
        return render_template("staff/invitation.html", **acceptance.page())
    form = ButtonForm() if acceptance.is_for_visitor else acceptance.join_form()
    if not form.is_submitted():
        return render_template("staff/invitation.html", form=form, **acceptance.page())
    if not form.validate():
        return refused("staff/invitation.html", form, **acceptance.page())
    limits.check("redeem")
    _join(acceptance, form if isinstance(form, JoinForm) else None)
    flash(_("Welcome to the team."), "success")
    _say_other_name(acceptance)
    return redirect(url_for("requests.dashboard.page", restaurant_id=acceptance.restaurant["_id"]), 303)


def _acceptance() -> Acceptance:
    """The invitation of the link, or the one in `of` if it is for the logged-in user. Raises TokenError."""
    visitor = current_user.user if current_user.is_authenticated else None
    token, wanted = session.get("invitation_token", ""), request.args.get("of", "")
    if visitor and ObjectId.is_valid(wanted):
        token, found = "", invitations.get(ObjectId(wanted))
        if found is None or found["email"] != visitor["email"]:
            raise TokenError("used")
    else:
        found = invitations.get(ObjectId(tokens.peek(PURPOSE, token)))
    restaurant = restaurants.get(found["restaurant_id"]) if found else None
    if found is None or restaurant is None or found["email"] is None:
        raise TokenError("used")
    return Acceptance(found, found["email"], restaurant, token, users.with_address(found["email"]), visitor)


def _join(acceptance: Acceptance, form: JoinForm | None) -> None:
    """Add the visitor as a member and, with a form, create the user, in one transaction. Raises TokenError."""
    password_hash = passwords.hashed(text_of(form.password)) if form else ""

    def join(txn: ClientSession | None) -> ObjectId:
        invitation = _redeem(acceptance, txn)
        if form is None:
            user_id, name = cast(User, acceptance.visitor)["_id"], cast(User, acceptance.visitor)["name"]
        else:
            name = text_of(form.name)
            user_id = users.create(acceptance.email, name, password_hash, txn)
        restaurants.add_member(invitation["restaurant_id"], name, invitation["role"], user_id, txn)
        return ObjectId(user_id)

    try:
        user_id = transaction(join)
    except users.AddressTakenError:
        raise TokenError("used") from None
    restaurants.forget(acceptance.restaurant["_id"])
    if form:
        access.log_out()  # end the login of a device, if any
        access.log_in(cast(User, users.get(user_id)))
    session.pop("invitation_token", None)
    _record(acceptance, user_id)


def _say_other_name(acceptance: Acceptance) -> None:
    """Where somebody else has the name already, a number was added to it."""
    user, restaurant = current_user.user, restaurants.get(acceptance.restaurant["_id"])
    member = restaurants.member_of(restaurant, user["_id"]) if restaurant else None
    if member and member["name"] != user["name"]:
        flash(_("Somebody here has your name already, so you are “%(name)s” to the team.", name=member["name"]), "info")


def _redeem(acceptance: Acceptance, txn: ClientSession | None) -> Invitation:
    """Redeem the token and mark the invitation as used. Raises TokenError."""
    invitation = invitations.get(acceptance.invitation["_id"], txn)
    if invitation is None or not invitations.mark_used(invitation["_id"], txn):
        raise TokenError("used")
    if acceptance.token:
        tokens.redeem(PURPOSE, acceptance.token, txn)
    tokens.revoke(str(invitation["_id"]), txn)
    return invitation


def _record(acceptance: Acceptance, user_id: ObjectId) -> None:
    user = cast(User, users.get(user_id))
    audit.record(
        "joined",
        user_id=user_id,
        restaurant_id=acceptance.restaurant["_id"],
        actor={"id": str(user_id), "name": user["name"]},
        name=user["name"],
        role=acceptance.invitation["role"],
    )
