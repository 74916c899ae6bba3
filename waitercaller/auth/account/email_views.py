"""Change of the e-mail address: requested with the password, confirmed by a link mailed to the new address.

The old address stays valid until then, and is notified of the request and of the change. The link works in any browser;
if the person is not logged in there, it also needs the password, so that the recipient at a mistyped address cannot
take over the account.
"""

from flask import flash, redirect, render_template, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user
from pymongo.client_session import ClientSession

from waitercaller.auth.account import blueprint, proof
from waitercaller.auth.account.forms import EmailForm, NewEmailForm
from waitercaller.auth.account.views import stay_logged_in
from waitercaller.db.client import transaction
from waitercaller.mail import outbox
from waitercaller.model import profiles, tokens
from waitercaller.model.tokens import TokenError
from waitercaller.model.users import AddressTakenError, User
from waitercaller.web import access, audit, limits, links
from waitercaller.web.errors import DomainError
from waitercaller.web.forms import refused, text_of
from waitercaller.web.languages import current_language


@blueprint.route("/account/email", methods=["GET", "POST"])
@access.person
@access.sensitive
def email() -> ResponseReturnValue:
    """Request another address; the response does not disclose whether it is taken."""
    person, form = access.current_person(), EmailForm()
    if not form.is_submitted():
        return render_template("auth/account/email.html", form=form)
    if not form.validate():
        return refused("auth/account/email.html", form)
    new = text_of(form.email)
    if new == person["email"]:
        form.email.errors = [_("This is your address already.")]
        return refused("auth/account/email.html", form)
    if not proof.password_is_right(form.password, person):
        return refused("auth/account/email.html", form)
    limits.check("email", str(person["_id"]))
    limits.check("email_to", new)
    _request_change(person, new)
    audit.record("email_change_asked", user_id=person["_id"])
    flash(_("Please look into the mailbox of %(email)s: there is a link that confirms it.", email=new), "info")
    return redirect(url_for("account.index"), 303)


@blueprint.get("/email/<string(maxlength=300):token>")
@access.anyone
def email_link(token: str) -> ResponseReturnValue:
    """The link in the mail to the new address."""
    return links.store_token_and_redirect("email", token, "account.new_email")


@blueprint.route("/email", methods=["GET", "POST"])
@access.anyone
def new_email() -> ResponseReturnValue:
    """Confirm the new address; if the person is not logged in here, with the password."""
    token = session.get("email_token", "")
    user = _user_of_change(tokens.peek("email", token))
    form, new = NewEmailForm(), user["pending_email"]["email"]
    is_here = current_user.is_authenticated and (current_user.user or {}).get("_id") == user["_id"]
    if is_here:
        del form.password
    if not form.is_submitted():
        return render_template("auth/account/new_email.html", form=form, email=new)
    limits.check("redeem")
    if not form.validate() or (form.password and not proof.password_is_right(form.password, user, f"email {token}")):
        return refused("auth/account/new_email.html", form, email=new)
    changed, verified_at = _change(token), current_user.login["verified_at"] if is_here else None
    session.pop("email_token", None)
    audit.record("email_changed", user_id=user["_id"])
    if is_here:
        stay_logged_in(changed, verified_at)  # the link does not count as a typed password
    flash(_("Your address is %(email)s now. Every other login has ended.", email=new), "success")
    return redirect(url_for("account.index") if is_here else url_for("auth.login"), 303)


@blueprint.errorhandler(TokenError)
def invalid_link(error: TokenError) -> ResponseReturnValue:
    """An expired or used link (410) or an invalid one (400)."""
    return render_template("auth/account/invalid_link.html", reason=error.reason), error.status


def _request_change(person: User, new: str) -> None:
    """Write the pending change and enqueue both mails, in one transaction."""
    language = current_language()

    def work(txn: ClientSession | None) -> None:
        change_id = profiles.ask_for_address(person["_id"], new, txn)
        subject = profiles.token_subject(person["_id"], change_id)
        outbox.enqueue("email_change", new, txn=txn, language=language, subject=subject)
        outbox.enqueue("email_change_asked", person["email"], txn=txn, language=language)

    transaction(work)


def _user_of_change(subject: str, txn: ClientSession | None = None) -> User:
    """The user whose latest pending change this is. Raises TokenError."""
    user = profiles.user_of_change(subject, txn)
    if user is None:
        raise TokenError("used")
    return user


def _change(token: str) -> User:
    """Redeem the token and set the new address. Raises TokenError, and DomainError if the address is taken by now."""
    language = current_language()

    def change(txn: ClientSession | None) -> User:
        user = _user_of_change(tokens.redeem("email", token, txn), txn)
        outbox.enqueue("email_changed", user["email"], txn=txn, language=language)
        return profiles.change_address(user, txn)

    try:
        return transaction(change)
    except AddressTakenError:
        raise DomainError(
            _("Somebody has opened an account with this address in the meantime. Yours keeps the old one.")
        ) from None
