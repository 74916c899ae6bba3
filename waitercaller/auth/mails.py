"""Contents of account mails, prepared when a mail is sent: whether the address has an account, and the link.

Tokens are issued only then, so none is stored in the outbox; and the response of a view does not depend on whether the
address is known.
"""

from datetime import timedelta
from typing import Any

from waitercaller.mail import outbox
from waitercaller.model import tokens, users
from waitercaller.web.routing import address_of

CONFIRM_LIFETIME = timedelta(hours=24)
INVITATION_LIFETIME = timedelta(days=7)
RESET_LIFETIME = timedelta(hours=1)


@outbox.prepares("confirm")
def confirm(to: str, context: dict[str, Any]) -> outbox.Prepared | None:
    """The link that confirms a registration, or a notice if the address already has an account."""
    if users.with_address(to):
        return outbox.Prepared("already_registered", {"link": address_of("auth.login")})
    registration = users.registration_of(to, context.get("registration_id"))
    if registration is None:
        return None
    token = tokens.issue("confirm", str(registration["_id"]), CONFIRM_LIFETIME, context["ordered_at"])
    return outbox.Prepared("confirm", {"link": address_of("auth.confirm_link", token=token)})


@outbox.prepares("owner_invitation")
def owner_invitation(to: str, context: dict[str, Any]) -> outbox.Prepared | None:
    """The link with which an invited owner registers a restaurant; None if the address has an account by now."""
    if users.with_address(to):
        return None
    token = tokens.issue("owner", to, INVITATION_LIFETIME, context["ordered_at"])
    return outbox.Prepared("owner_invitation", {"link": address_of("auth.owner_link", token=token)})


@outbox.prepares("reset")
def reset(to: str, context: dict[str, Any]) -> outbox.Prepared | None:
    """The link to reset the password; None if the address has no account."""
    user = users.with_address(to)
    if user is None:
        return None
    token = tokens.issue("reset", str(user["_id"]), RESET_LIFETIME, context["ordered_at"])
    return outbox.Prepared("reset", {"link": address_of("auth.reset_link", token=token)})


@outbox.prepares("password_changed")
def password_changed(to: str, context: dict[str, Any]) -> outbox.Prepared | None:
    """Notice that the password was changed, with a link to reset it."""
    return outbox.Prepared("password_changed", {"link": address_of("auth.forgot")})
