"""The notice of a change of the second factor, to the person whose it is."""

from waitercaller import mail
from waitercaller.db import Document
from waitercaller.routing import address_of


@mail.prepares("two_factor_notice")
def two_factor_notice(to: str, context: Document) -> mail.Prepared | None:
    """What happened ('on', 'off', 'new_codes', 'recovery_used'), with the way to shut somebody else out."""
    return mail.Prepared("two_factor_notice", {"link": address_of("auth.forgot"), **context})
