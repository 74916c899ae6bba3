"""Mails about the account. Whether an address is taken is checked when the mail is sent, not in the view."""

from typing import Any

from waitercaller.mail import outbox
from waitercaller.model import profiles, tokens, users
from waitercaller.web.routing import address_of


@outbox.prepares("email_change")
def email_change(to: str, context: dict[str, Any]) -> outbox.Prepared | None:
    """The link that confirms a new address, or a notice if it has an account; None if the change is obsolete."""
    subject: str = context["subject"]
    user = profiles.user_of_change(subject)
    if user is None or user["pending_email"]["email"] != to:
        return None
    if users.with_address(to):
        return outbox.Prepared("email_taken", {"link": address_of("auth.login")})
    token = tokens.issue("email", subject, profiles.CHANGE_LIFETIME, context["ordered_at"])
    return outbox.Prepared("email_change", {"link": address_of("account.email_link", token=token)})


@outbox.prepares("email_change_asked")
def email_change_asked(to: str, context: dict[str, Any]) -> outbox.Prepared | None:
    """Notice to the present address: a change was requested; a password reset cancels it."""
    return outbox.Prepared("email_change_asked", {"link": address_of("auth.forgot")})


@outbox.prepares("email_changed")
def email_changed(to: str, context: dict[str, Any]) -> outbox.Prepared | None:
    """Notice to the old address: it was replaced."""
    return outbox.Prepared("email_changed", {"link": address_of("site.home")})


@outbox.prepares("account_deleted")
def account_deleted(to: str, context: dict[str, Any]) -> outbox.Prepared | None:
    """Notice to the address of a deleted account."""
    return outbox.Prepared("account_deleted", {"link": address_of("site.home"), **context})
