"""The staff page: invite, add and remove members, change roles. For managers and owners."""

from typing import Any, cast

from bson import ObjectId
from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pymongo.client_session import ClientSession

from waitercaller.alerts import uncovered
from waitercaller.db.client import transaction
from waitercaller.mail import outbox
from waitercaller.model import invitations, logins, restaurants, subscriptions, tokens, users
from waitercaller.model.requests import handover
from waitercaller.model.restaurants import Member, Role
from waitercaller.staff import blueprint, history, people
from waitercaller.staff.forms import AddMemberForm, InviteForm, RoleForm
from waitercaller.web import access, audit, limits
from waitercaller.web.errors import DomainError
from waitercaller.web.forms import ButtonForm, refused, text_of
from waitercaller.web.languages import current_language

MAX_MEMBERS = 300  # all are part of the restaurant's document, and listed in the dashboard's dialog


@blueprint.get("/r/<objectid:restaurant_id>/staff")
@access.least("manager")
def index(restaurant_id: ObjectId) -> ResponseReturnValue:
    """Members, invitations and devices."""
    return render_template("staff/index.html", **people.page_context())


@blueprint.post("/r/<objectid:restaurant_id>/staff/invitations")
@access.least("manager")
def invite(restaurant_id: ObjectId) -> ResponseReturnValue:
    """Invite an address; the response does not disclose whether it has an account."""
    form = people.invite_form()
    if not form.validate():
        return _refused(invite_form=form)
    email, role = text_of(form.email), cast(Role, form.role.data)
    user = users.with_address(email)
    if user and restaurants.member_of(access.current_restaurant(), user["_id"]):
        form.email.errors = [_("Whoever has this address works here already.")]
        return _refused(invite_form=form)
    limits.check("invite", str(restaurant_id))
    limits.check("invited", email)
    _send_invitation(restaurant_id, email, text_of(form.name), role)
    audit.record("invited", restaurant_id=restaurant_id, role=role)
    flash(_("The invitation to %(email)s is on its way.", email=email), "success")
    return _to_index(restaurant_id)


@blueprint.post("/r/<objectid:restaurant_id>/staff/invitations/<objectid:invitation_id>/withdraw")
@access.least("manager")
def withdraw(restaurant_id: ObjectId, invitation_id: ObjectId) -> ResponseReturnValue:
    """Withdraw an invitation."""
    invitation = invitations.get(invitation_id)
    if invitation is None or invitation["restaurant_id"] != restaurant_id:
        abort(404)
    if not invitations.may_manage(access.required_member(), invitation["role"]):
        abort(403)
    invitations.withdraw(restaurant_id, invitation_id, None)
    audit.record("withdrawn", restaurant_id=restaurant_id, role=invitation["role"])
    flash(_("The invitation is withdrawn; its link opens nothing any more."), "success")
    return _to_index(restaurant_id)


@blueprint.post("/r/<objectid:restaurant_id>/staff/members")
@access.least("manager")
def add(restaurant_id: ObjectId) -> ResponseReturnValue:
    """Add a waiter without an e-mail address."""
    form = AddMemberForm()
    if not form.validate():
        return _refused(add_form=form)
    name, members = text_of(form.member_name), access.current_restaurant()["members"]
    if name.casefold() in {member["name"].casefold() for member in members}:
        form.member_name.errors = [
            _("%(name)s is in the team already. Add an initial, so that nobody is mixed up.", name=name)
        ]
        return _refused(add_form=form)
    if len(members) >= MAX_MEMBERS:
        raise DomainError(_("A restaurant can have %(number)d people at most.", number=MAX_MEMBERS))
    restaurants.add_member(restaurant_id, name, "waiter", None)
    audit.record("joined", restaurant_id=restaurant_id, name=name, role="waiter")
    flash(_("%(name)s is in the team.", name=name), "success")
    return _to_index(restaurant_id)


@blueprint.post("/r/<objectid:restaurant_id>/staff/members/<string(length=12):member_id>/role")
@access.least("owner")
def role(restaurant_id: ObjectId, member_id: str) -> ResponseReturnValue:
    """Change the role of a member."""
    form = RoleForm()
    if not form.validate():
        abort(400)
    member = restaurants.member_with_id(access.current_restaurant(), member_id) or abort(404)
    new = cast(Role, form.role.data)
    if member["user_id"] is None and new != "waiter":
        raise DomainError(_("Somebody without an e-mail address cannot log in alone, so can only be a waiter."))
    if not restaurants.set_role(restaurant_id, member_id, new):
        raise _last_owner()
    if new != "owner":
        tokens.revoke(str(restaurant_id))  # codes for counter devices, which only owners may issue
    audit.record("role_changed", user_id=member["user_id"], restaurant_id=restaurant_id, name=member["name"], role=new)
    flash(_("Saved."), "success")
    if member_id == access.required_member()["id"] and new == "waiter":
        return redirect(url_for("requests.dashboard.page", restaurant_id=restaurant_id), 303)
    return _to_index(restaurant_id)


@blueprint.post("/r/<objectid:restaurant_id>/staff/members/<string(length=12):member_id>/remove")
@access.least("manager")
def remove(restaurant_id: ObjectId, member_id: str) -> ResponseReturnValue:
    """Remove a member; ends the person's logins and phones."""
    if not ButtonForm().validate():
        abort(400)
    own_id = access.required_member()["id"]
    gone = transaction(lambda txn: _remove(restaurant_id, own_id, member_id, txn))
    restaurants.forget(restaurant_id)
    audit.record("removed", user_id=gone["user_id"], restaurant_id=restaurant_id, name=gone["name"], role=gone["role"])
    flash(_("%(name)s is no longer in the team and is logged out everywhere.", name=gone["name"]), "success")
    return redirect(url_for("site.home"), 303) if member_id == own_id else _to_index(restaurant_id)


@blueprint.post("/r/<objectid:restaurant_id>/staff/two-factor")
@access.least("owner")
def require_two_factor(restaurant_id: ObjectId) -> ResponseReturnValue:
    """Require a second factor of managers and owners, or not."""
    required = request.form.get("required") == "yes"
    restaurants.set_setting(restaurant_id, "two_factor_required", required)
    audit.record("two_factor_required", restaurant_id=restaurant_id, required=required)
    said = (
        _("Managers and owners need a second step from now on.") if required else _("The second step is optional now.")
    )
    flash(said, "success")
    return _to_index(restaurant_id)


@blueprint.get("/r/<objectid:restaurant_id>/staff/history")
@access.least("owner")
def show_history(restaurant_id: ObjectId) -> ResponseReturnValue:
    """The audit of this restaurant, newest first."""
    return render_template("staff/history.html", days=history.of(access.current_restaurant()))


def _remove(restaurant_id: ObjectId, own_id: str, member_id: str, txn: ClientSession | None) -> Member:
    actor = invitations.member_now(restaurant_id, own_id, txn) or abort(404)
    member = invitations.member_now(restaurant_id, member_id, txn) or abort(404)
    if not invitations.may_manage(actor, member["role"]):
        abort(403)
    uncovered.leave_within(restaurant_id, member_id, txn)
    if not restaurants.remove_member(restaurant_id, member_id, txn):
        raise _last_owner()
    if member["user_id"]:
        logins.end_all(member["user_id"], txn)
        users.record_leaving(member["user_id"], restaurant_id, member_id, txn)
    logins.end_devices(restaurant_id, txn, member_id=member_id)
    subscriptions.forget_member(restaurant_id, member_id, txn)
    handover.release(restaurant_id, member_id, txn)
    tokens.revoke(str(restaurant_id), txn)  # codes for counter devices, which the member may know
    return member


def _send_invitation(restaurant_id: ObjectId, email: str, name: str, role: Role) -> None:
    """Write the invitation and enqueue its mail, in one transaction."""
    by, language = access.current_actor(), current_language()

    def work(txn: ClientSession | None) -> None:
        invitation_id = invitations.invite(restaurant_id, email, name, role, by, language, txn)
        outbox.enqueue("invitation", email, txn=txn, language=language, invitation_id=invitation_id)

    transaction(work)


def _last_owner() -> DomainError:
    return DomainError(_("A restaurant needs an owner. Make somebody else one first."))


def _refused(**forms: InviteForm | AddMemberForm) -> ResponseReturnValue:
    form: Any = next(iter(forms.values()))
    return refused("staff/index.html", form, **people.page_context(**forms))


def _to_index(restaurant_id: ObjectId) -> ResponseReturnValue:
    return redirect(url_for("staff.index", restaurant_id=restaurant_id), 303)
