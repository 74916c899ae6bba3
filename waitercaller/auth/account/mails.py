"""The mails about one's own account. As everywhere, whether an address is taken is found out when the mail is sent."""

from typing import Any

from waitercaller.mail import outbox
from waitercaller.model import profiles, tokens, users
from waitercaller.web.routing import address_of


@outbox.prepares("email_change")
def email_change(to: str, context: dict[str, Any]) -> outbox.Prepared | None:
    """The link that confirms a new address; to somebody with an account, that there is one; nothing if overtaken."""
    subject: str = context["subject"]
    user = profiles.user_of_change(subject)
    if user is None or user["pending_email"]["email"] != to:
        return None
    if users.with_address(to):
        return outbox.Prepared("email_taken", {"link": address_of("auth.login")})
    token = tokens.issue("email", subject, profiles.CHANGE_LIFETIME)
    return outbox.Prepared("email_change", {"link": address_of("account.email_link", token=token)})


@outbox.prepares("email_change_asked")
def email_change_asked(to: str, context: dict[str, Any]) -> outbox.Prepared | None:
    """To the present address: somebody wants another one. A new password stops it."""
    return outbox.Prepared("email_change_asked", {"link": address_of("auth.forgot")})


@outbox.prepares("email_changed")
def email_changed(to: str, context: dict[str, Any]) -> outbox.Prepared | None:
    """To the old address: it is another one now."""
    return outbox.Prepared("email_changed", {"link": address_of("site.home")})


@outbox.prepares("account_deleted")
def account_deleted(to: str, context: dict[str, Any]) -> outbox.Prepared | None:
    """To an address that has no account any more."""
    return outbox.Prepared("account_deleted", {"link": address_of("site.home"), **context})
