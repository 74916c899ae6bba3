"""Accepting an invitation that came by mail.

The link proves the address. Who has it and an account logs in; who has none chooses a name and a password there. Only
whoever holds the link, or is logged in with the address, learns which of the two it is.
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
class Invited:
    """An invitation that this visitor may see, with what may be done about it."""

    invitation: Invitation
    email: str  # that it was sent to
    restaurant: Restaurant
    token: str  # "" where not the link but the login shows that the address is the visitor's
    account: User | None  # whose address it is
    visitor: User | None  # who is logged in here

    @property
    def is_for_visitor(self) -> bool:
        return bool(self.visitor and self.visitor["email"] == self.email)

    def join_form(self) -> JoinForm:
        """The form for whoever has no account yet, with the name that the inviter gave."""
        form = JoinForm()
        form.names = (self.email, self.restaurant["name"])
        if not form.is_submitted():
            form.name.data = self.invitation["name"]
        return form

    def page(self) -> dict[str, object]:
        """The context of the page."""
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
    """Join, in the way that fits the visitor."""
    invited = _invited()
    if not invited.is_for_visitor and (invited.visitor or invited.account):
        # As somebody else, or as nobody yet: the page leads to the login, and the login back to it.
        return render_template("staff/invitation.html", **invited.page())
    form = ButtonForm() if invited.is_for_visitor else invited.join_form()
    if not form.is_submitted():
        return render_template("staff/invitation.html", form=form, **invited.page())
    if not form.validate():
        return refused("staff/invitation.html", form, **invited.page())
    limits.check("redeem")
    _join(invited, form if isinstance(form, JoinForm) else None)
    flash(_("Welcome to the team."), "success")
    return redirect(url_for("requests.dashboard.page", restaurant_id=invited.restaurant["_id"]), 303)


def _invited() -> Invited:
    """The invitation this visitor came for: by the link, else by its id and as the person it is for."""
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
    return Invited(found, found["email"], restaurant, token, users.with_address(found["email"]), visitor)


def _join(invited: Invited, form: JoinForm | None) -> None:
    """Make the visitor a member and, where there is a form, a user first; all of it or nothing. Raises TokenError."""
    password_hash = passwords.hashed(text_of(form.password)) if form else ""

    def join(txn: ClientSession | None) -> ObjectId:
        invitation = _spend(invited, txn)
        if form is None:
            user_id, name = cast(User, invited.visitor)["_id"], cast(User, invited.visitor)["name"]
        else:
            name = text_of(form.name)
            user_id = users.create(invited.email, name, password_hash, txn)
        restaurants.add_member(invitation["restaurant_id"], name, invitation["role"], user_id, txn)
        return ObjectId(user_id)

    try:
        user_id = transaction(join)
    except users.AddressTakenError:
        raise TokenError("used") from None
    restaurants.forget(invited.restaurant["_id"])
    if form:
        access.log_out()  # a screen, if this was one
        access.log_in(cast(User, users.get(user_id)))
    session.pop("invitation_token", None)
    _record(invited, user_id)


def _spend(invited: Invited, txn: ClientSession | None) -> Invitation:
    """Use up the link and the invitation, which must still be good. Raises TokenError."""
    invitation = invitations.get(invited.invitation["_id"], txn)
    if invitation is None or not invitations.mark_used(invitation["_id"], txn):
        raise TokenError("used")
    if invited.token:
        tokens.redeem(PURPOSE, invited.token, txn)
    tokens.revoke(str(invitation["_id"]), txn)
    return invitation


def _record(invited: Invited, user_id: ObjectId) -> None:
    user = cast(User, users.get(user_id))
    audit.record(
        "joined",
        user_id=user_id,
        restaurant_id=invited.restaurant["_id"],
        actor={"id": str(user_id), "name": user["name"]},
        name=user["name"],
        role=invited.invitation["role"],
    )
