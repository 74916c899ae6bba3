"""The page of diagnostics, and what an operator can try there."""

from typing import Any

from flask import current_app, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from waitercaller.alerts import messages as pushes
from waitercaller.db.config import config
from waitercaller.mail import outbox
from waitercaller.model import messages, restaurants, subscriptions, upkeep
from waitercaller.operators import blueprint
from waitercaller.ops import doctor, versions
from waitercaller.web import access, limits
from waitercaller.web.languages import current_language

SHOWN = 20  # messages in trouble, of each outbox
WORST_FIRST = ("BAD", "note", "good")


@blueprint.get("/operator")
@access.operator
def index() -> ResponseReturnValue:
    """What is known of this installation without asking anybody else."""
    return render_template("operators/index.html", **_facts())


@blueprint.post("/operator/examine")
@access.operator
def examine() -> ResponseReturnValue:
    """The same page with the doctor's findings. It is no GET: the doctor asks other servers, and takes a while."""
    limits.check("examine", str(access.current_person()["_id"]))
    findings = sorted(doctor.examine(current_app), key=lambda finding: WORST_FIRST.index(finding.state))
    return render_template("operators/index.html", findings=findings, **_facts())


@blueprint.post("/operator/mail")
@access.operator
def send_mail() -> ResponseReturnValue:
    """Send the operator a mail, by the same way as all others."""
    person = access.current_person()
    limits.check("operator_test", str(person["_id"]))
    outbox.enqueue("operator_test", person["email"], language=current_language())
    flash(_("A mail to %(address)s is on its way.", address=person["email"]), "info")
    return redirect(url_for("operators.index"), 303)


@blueprint.post("/operator/push")
@access.operator
def send_push() -> ResponseReturnValue:
    """Send a message to all phones of the operator, in whatever restaurants they work."""
    limits.check("operator_test", str(access.current_person()["_id"]))
    found = _phones()
    for phone in found:
        pushes.enqueue_trial(phone["restaurant_id"], phone["_id"])
    if found:
        sentence = ngettext(
            "A message to %(num)d phone is on its way.", "Messages to %(num)d phones are on their way.", len(found)
        )
        flash(sentence, "info")
    else:
        flash(_("None of your phones takes messages yet."), "warning")
    return redirect(url_for("operators.index"), 303)


def _facts() -> dict[str, Any]:
    """The context of the page."""
    done = upkeep.noted()
    return {
        "address": config().public_url,
        "versions": versions.all_parts(),
        "backup": done.get("backup"),
        "drill": done.get("drill"),
        "mails": messages.in_trouble("outbox", SHOWN),
        "pushes": messages.in_trouble("pushes", SHOWN),
        "sends_messages": bool(config().vapid_private_key),
        "phones": len(_phones()),
    }


def _phones() -> list[subscriptions.Subscription]:
    user_id = access.current_person()["_id"]
    memberships = [(each["_id"], restaurants.member_of(each, user_id)) for each in restaurants.of_user(user_id)]
    return [
        phone
        for restaurant_id, member in memberships
        if member
        for phone in subscriptions.of_member(restaurant_id, member["id"])
    ]
