"""What the sender of mails works out at the moment of sending: whether the address has an account, and the link.

Tokens are made here, never before, so none lies in the outbox; and the pages need not know who exists.
"""

from datetime import timedelta
from typing import Any

from waitercaller.mail import outbox
from waitercaller.model import tokens, users
from waitercaller.web.routing import address_of

CONFIRM_LIFETIME = timedelta(hours=24)
RESET_LIFETIME = timedelta(hours=1)


@outbox.prepares("confirm")
def confirm(to: str, context: dict[str, Any]) -> outbox.Prepared | None:
    """The link that confirms a registration; to somebody with an account, that there is one already."""
    if users.with_address(to):
        return outbox.Prepared("already_registered", {"link": address_of("auth.login")})
    registration = users.registration_of(to, context.get("registration_id"))
    if registration is None:
        return None
    token = tokens.issue("confirm", str(registration["_id"]), CONFIRM_LIFETIME)
    return outbox.Prepared("confirm", {"link": address_of("auth.confirm_link", token=token)})


@outbox.prepares("reset")
def reset(to: str, context: dict[str, Any]) -> outbox.Prepared | None:
    """The link to a new password; nothing to an address without an account."""
    user = users.with_address(to)
    if user is None:
        return None
    token = tokens.issue("reset", str(user["_id"]), RESET_LIFETIME)
    return outbox.Prepared("reset", {"link": address_of("auth.reset_link", token=token)})


@outbox.prepares("password_changed")
def password_changed(to: str, context: dict[str, Any]) -> outbox.Prepared | None:
    """The notice of a new password, with the way to another one."""
    return outbox.Prepared("password_changed", {"link": address_of("auth.forgot")})
