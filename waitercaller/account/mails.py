"""The mails about one's own account. As everywhere, whether an address is taken is found out when the mail is sent."""

from waitercaller import mail, tokens
from waitercaller.account import store
from waitercaller.auth import store as users
from waitercaller.db import Document
from waitercaller.routing import address_of


@mail.prepares("email_change")
def email_change(to: str, context: Document) -> mail.Prepared | None:
    """The link that confirms a new address; to somebody with an account, that there is one; nothing if overtaken."""
    subject: str = context["subject"]
    user = store.changing(subject)
    if user is None or user["pending_email"]["email"] != to:
        return None
    if users.with_address(to):
        return mail.Prepared("email_taken", {"link": address_of("auth.login")})
    token = tokens.issue("email", subject, store.CHANGE_LIFETIME)
    return mail.Prepared("email_change", {"link": address_of("account.email_link", token=token)})


@mail.prepares("email_change_asked")
def email_change_asked(to: str, context: Document) -> mail.Prepared | None:
    """To the present address: somebody wants another one. A new password stops it."""
    return mail.Prepared("email_change_asked", {"link": address_of("auth.forgot")})


@mail.prepares("email_changed")
def email_changed(to: str, context: Document) -> mail.Prepared | None:
    """To the old address: it is another one now."""
    return mail.Prepared("email_changed", {"link": address_of("auth.home")})


@mail.prepares("account_deleted")
def account_deleted(to: str, context: Document) -> mail.Prepared | None:
    """To an address that has no account any more."""
    return mail.Prepared("account_deleted", {"link": address_of("auth.home"), **context})
