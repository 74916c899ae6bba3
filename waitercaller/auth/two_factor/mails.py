"""The notice of a change of the second factor."""

from typing import Any

from waitercaller.mail import outbox
from waitercaller.web.routing import address_of


@outbox.prepares("two_factor_notice")
def two_factor_notice(to: str, context: dict[str, Any]) -> outbox.Prepared | None:
    """`context["what"]` is 'on', 'off', 'new_codes' or 'recovery_used'; the link resets the password."""
    return outbox.Prepared("two_factor_notice", {"link": address_of("auth.forgot"), **context})
