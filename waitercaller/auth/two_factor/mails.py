"""The notice of a change of the second factor, to the person whose it is."""

from typing import Any

from waitercaller.mail import outbox
from waitercaller.web.routing import address_of


@outbox.prepares("two_factor_notice")
def two_factor_notice(to: str, context: dict[str, Any]) -> outbox.Prepared | None:
    """What happened ('on', 'off', 'new_codes', 'recovery_used'), with the way to shut somebody else out."""
    return outbox.Prepared("two_factor_notice", {"link": address_of("auth.forgot"), **context})
