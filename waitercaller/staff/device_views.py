"""Devices: counter tablets, and phones of members without an e-mail address.

An owner logs in a counter device, in this browser or by a code on another one. A manager invites a member's phone, for
ten minutes; its code can be shown to the manager and on a counter device.
"""

from bson import ObjectId
from flask import abort, flash, g, redirect, render_template, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pymongo.client_session import ClientSession

from waitercaller.db import clock
from waitercaller.db.client import transaction
from waitercaller.model import invitations, logins, restaurants, tokens
from waitercaller.model.restaurants import Actor, Restaurant
from waitercaller.staff import blueprint, codes, people
from waitercaller.staff.forms import DeviceForm, TypedCodeForm
from waitercaller.web import access, audit, limits, links
from waitercaller.web.errors import DomainError
from waitercaller.web.forms import ButtonForm, refused, text_of


@blueprint.post("/r/<objectid:restaurant_id>/staff/devices")
@access.least("owner")
def make_device(restaurant_id: ObjectId) -> ResponseReturnValue:
    """Turn this browser into a counter device; the owner is logged out."""
    form = DeviceForm()
    if not form.validate():
        return refused("staff/index.html", form, **people.page_context(device_form=form))
    name = text_of(form.device_name)
    audit.record("device_added", restaurant_id=restaurant_id, name=name)
    access.log_in_device(restaurant_id, name)
    flash(_("This is a counter screen now. You are logged out here."), "success")
    return redirect(url_for("requests.dashboard.page", restaurant_id=restaurant_id), 303)


@blueprint.post("/r/<objectid:restaurant_id>/staff/devices/code")
@access.least("owner")
def device_code(restaurant_id: ObjectId) -> ResponseReturnValue:
    """Issue a code that logs in the scanning browser as a counter device."""
    codes.issue("device", restaurant_id, str(restaurant_id), codes.LIFETIME)
    return redirect(url_for("staff.code", restaurant_id=restaurant_id), 303)


@blueprint.post("/r/<objectid:restaurant_id>/staff/members/<string(length=12):member_id>/phone")
@access.least("manager")
def let_in(restaurant_id: ObjectId, member_id: str) -> ResponseReturnValue:
    """Invite the phone of a member without an e-mail address, and show its code."""
    member = restaurants.member_with_id(access.current_restaurant(), member_id) or abort(404)
    if not invitations.may_manage(access.required_member(), member["role"]):
        abort(403)
    if member["user_id"] is not None:
        raise DomainError(_("%(name)s logs in with an e-mail address.", name=member["name"]))
    by = access.current_actor()
    invitation_id = transaction(lambda txn: invitations.invite_phone(restaurant_id, member, by, txn))
    codes.issue("phone", restaurant_id, str(invitation_id), invitations.PHONE_LIFETIME, member["name"])
    return redirect(url_for("staff.code", restaurant_id=restaurant_id), 303)


@blueprint.get("/r/<objectid:restaurant_id>/staff/phones")
@access.least("manager", devices=True)
def phones(restaurant_id: ObjectId) -> ResponseReturnValue:
    """The list of invited phones, for a counter device."""
    _refuse_phones()
    waiting = [each for each in invitations.of_restaurant(access.current_restaurant()) if each["member_id"]]
    return render_template("staff/phones.html", waiting=waiting)


@blueprint.post("/r/<objectid:restaurant_id>/staff/phones/<objectid:invitation_id>")
@access.least("manager", devices=True)
def phone_code(restaurant_id: ObjectId, invitation_id: ObjectId) -> ResponseReturnValue:
    """Issue a code for an invited phone."""
    _refuse_phones()
    invitation = invitations.get(invitation_id)
    if invitation is None or invitation["restaurant_id"] != restaurant_id or not invitation["member_id"]:
        abort(404)
    left = invitation["expires_at"] - clock.now()
    codes.issue("phone", restaurant_id, str(invitation_id), left, invitation["name"])
    return redirect(url_for("staff.code", restaurant_id=restaurant_id), 303)


@blueprint.get("/r/<objectid:restaurant_id>/staff/code")
@access.least("manager", devices=True)
def code(restaurant_id: ObjectId) -> ResponseReturnValue:
    """The code issued in this browser and its state."""
    return render_template("staff/code.html", code=codes.current(restaurant_id))


@blueprint.post("/r/<objectid:restaurant_id>/staff/devices/<string(length=64):login_id>/end")
@access.least("manager")
def end_device(restaurant_id: ObjectId, login_id: str) -> ResponseReturnValue:
    """End the login of a device; its open streams close within seconds."""
    ended = next((each for each in logins.devices_of(restaurant_id) if each["_id"] == login_id), None) or abort(404)
    logins.end_devices(restaurant_id, _id=login_id)
    audit.record("device_ended", restaurant_id=restaurant_id, name=ended["name"])
    flash(_("“%(name)s” is logged out.", name=ended["name"]), "success")
    return redirect(url_for("staff.index", restaurant_id=restaurant_id), 303)


@blueprint.get("/device/<string(maxlength=300):token>")
@access.anyone
def device_link(token: str) -> ResponseReturnValue:
    """The link in the code for a counter device."""
    return links.store_token_and_redirect("device", token, "staff.device")


@blueprint.route("/device", methods=["GET", "POST"])
@access.anyone
def device() -> ResponseReturnValue:
    """Log in this browser as a counter device."""
    token = session.get("device_token", "")
    restaurant = restaurants.get(ObjectId(tokens.peek("device", token)))
    if restaurant is None:
        raise tokens.TokenError("used")
    form = DeviceForm()
    if not form.is_submitted():
        form.device_name.data = _("Counter")
        return render_template("staff/device.html", form=form, place=restaurant)
    if not form.validate():
        return refused("staff/device.html", form, place=restaurant)
    limits.check("redeem")
    tokens.redeem("device", token)
    return _log_in(restaurant, text_of(form.device_name), None)


@blueprint.get("/join/<string(maxlength=300):token>")
@access.anyone
def phone_link(token: str) -> ResponseReturnValue:
    """The link in the code for a member's phone."""
    return links.store_token_and_redirect("phone", token, "staff.phone")


@blueprint.route("/join", methods=["GET", "POST"])
@access.anyone
def phone() -> ResponseReturnValue:
    """Log in this browser as a member's phone."""
    token = session.get("phone_token", "")
    invitation = invitations.get(ObjectId(tokens.peek("phone", token)))
    restaurant = restaurants.get(invitation["restaurant_id"]) if invitation else None
    if invitation is None or restaurant is None:
        raise tokens.TokenError("used")
    form = ButtonForm()
    page = {"place": restaurant, "name": invitation["name"]}
    if not form.is_submitted():
        return render_template("staff/phone.html", form=form, **page)
    if not form.validate():
        return refused("staff/phone.html", form, **page)
    limits.check("redeem")
    invitation_id = invitation["_id"]
    transaction(lambda txn: _redeem(token, invitation_id, txn))
    name = _("%(name)s’s phone", name=invitation["name"])
    return _log_in(restaurant, name, invitation["member_id"])


@blueprint.route("/code", methods=["GET", "POST"])
@access.anyone
def typed_code() -> ResponseReturnValue:
    """Type the code of a phone or a counter device; a page with a button follows, as after its QR code."""
    form = TypedCodeForm()
    if not form.is_submitted():
        return render_template("staff/typed_code.html", form=form)
    if not form.validate():
        return refused("staff/typed_code.html", form)
    limits.check("typed_code")
    try:
        purpose, token = codes.of_typed(text_of(form.code))
        tokens.peek(purpose, token)
    except tokens.TokenError:
        form.code.errors = [_("This code does not count. It lasts ten minutes and works once: ask for a new one.")]
        return refused("staff/typed_code.html", form)
    return links.store_token_and_redirect(purpose, token, f"staff.{purpose}")


def _redeem(token: str, invitation_id: ObjectId, txn: ClientSession | None) -> None:
    tokens.redeem("phone", token, txn)
    if invitations.get(invitation_id, txn) is None or not invitations.mark_used(invitation_id, txn):
        raise tokens.TokenError("used")


def _log_in(restaurant: Restaurant, name: str, member_id: str | None) -> ResponseReturnValue:
    access.log_in_device(restaurant["_id"], name, member_id)
    member = restaurants.member_with_id(restaurant, member_id or "")
    by: Actor | None = {"id": member["id"], "name": member["name"]} if member else None
    audit.record("device_added", restaurant_id=restaurant["_id"], actor=by, name=name)
    return redirect(url_for("requests.dashboard.page", restaurant_id=restaurant["_id"]), 303)


def _refuse_phones() -> None:
    """Respond with 403 to a member's phone: only managers and counter devices may show codes for phones."""
    if g.get("device") and access.current_member():
        abort(403)
