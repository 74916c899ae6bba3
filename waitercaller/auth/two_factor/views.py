"""Set up and disable the second factor; renew recovery codes."""

from typing import Any

import segno
from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pymongo.client_session import ClientSession

from waitercaller.auth.forms import CodeForm
from waitercaller.auth.two_factor import blueprint
from waitercaller.db import clock
from waitercaller.db.client import transaction
from waitercaller.mail import outbox
from waitercaller.model import logins, restaurants, second_factor_codes, second_factors
from waitercaller.model.users import User
from waitercaller.web import access, audit, limits
from waitercaller.web.forms import refused, text_of
from waitercaller.web.languages import current_language
from waitercaller.web.qr import qr_svg


@blueprint.route("/account/two-factor", methods=["GET", "POST"])
@access.person
@access.sensitive
def setup() -> ResponseReturnValue:
    """Connect an app, confirmed by one of its codes; if one is connected, its status."""
    person = access.current_person()
    required_by = _required_by(person)
    if person.get("two_factor"):
        return render_template("auth/two_factor/on.html", two_factor=person["two_factor"], required_by=required_by)
    form = CodeForm()
    secret = second_factors.offer(person["_id"], access.current_login()["_id"])
    page = {"required_by": required_by, **_connection(secret, person["email"])}
    if not form.is_submitted():
        return render_template("auth/two_factor/setup.html", form=form, **page)
    if not form.validate():
        return refused("auth/two_factor/setup.html", form, **page)
    limits.check("two_factor", str(person["_id"]))
    counter = second_factor_codes.counter_of(secret, text_of(form.code), clock.now())
    if counter is None:
        form.code.data = ""
        form.code.errors = [_("This is not the code that the app shows now. Is the phone's clock right?")]
        return refused("auth/two_factor/setup.html", form, **page)
    return _turn_on(person, secret, counter)


@blueprint.post("/account/two-factor/recovery-codes")
@access.person
@access.sensitive
def recovery_codes() -> ResponseReturnValue:
    """Replace the recovery codes by ten new ones."""
    person, new = access.current_person(), second_factor_codes.new_recovery_codes()

    def renew(txn: ClientSession | None) -> bool:
        return second_factors.renew_recovery_codes(person["_id"], new, txn) and _notify(person, "new_codes", txn)

    if not transaction(renew):
        return redirect(url_for("two_factor.setup"), 303)
    audit.record("recovery_codes_renewed", user_id=person["_id"])
    return _shown_once(new)


@blueprint.post("/account/two-factor/disable")
@access.person
@access.sensitive
def disable() -> ResponseReturnValue:
    """Disable the second factor; ends every other login."""
    person, here = access.current_person(), access.current_login()["_id"]

    def turn_off(txn: ClientSession | None) -> bool:
        off = second_factors.turn_off(person["_id"], txn)
        logins.end_all(person["_id"], txn, except_id=here)
        return off and _notify(person, "off", txn)

    if transaction(turn_off):
        audit.record("two_factor_off", user_id=person["_id"])
        flash(_("Logging in now takes your password only. Every other login of yours has ended."), "success")
    return redirect(url_for("two_factor.setup"), 303)


def _turn_on(person: User, secret: str, counter: int) -> ResponseReturnValue:
    """Enable the second factor; ends every other login."""
    new, here = second_factor_codes.new_recovery_codes(), access.current_login()["_id"]

    def turn_on(txn: ClientSession | None) -> bool:
        if not second_factors.turn_on(person["_id"], secret, counter, new, txn):
            return False
        logins.end_all(person["_id"], txn, except_id=here)
        return _notify(person, "on", txn)

    if not transaction(turn_on):
        return redirect(url_for("two_factor.setup"), 303)
    limits.clear("two_factor", str(person["_id"]))
    audit.record("two_factor_on", user_id=person["_id"])
    return _shown_once(new)


def _shown_once(new: list[str]) -> ResponseReturnValue:
    """A page with the recovery codes, in the response to the POST: only their hashes are stored."""
    return render_template("auth/two_factor/recovery_codes.html", codes=new)


def _notify(person: User, what: str, txn: ClientSession | None) -> bool:
    outbox.enqueue("two_factor_notice", person["email"], txn=txn, language=current_language(), what=what)
    return True


def _connection(secret: str, email: str) -> dict[str, Any]:
    """The secret as grouped text, as otpauth URI and as QR code."""
    address = second_factor_codes.provisioning_uri(secret, email)
    return {
        "secret": second_factor_codes.in_groups(secret),
        "address": address,
        "qr": qr_svg(segno.make_qr(address, error="m")),
    }


def _required_by(person: User) -> list[str]:
    """The names of the restaurants that require a second factor of this person."""
    user_id = person["_id"]
    return [
        restaurant["name"]
        for restaurant in restaurants.of_user(user_id)
        if (member := restaurants.member_of(restaurant, user_id)) and access.requires_two_factor(restaurant, member)
    ]
