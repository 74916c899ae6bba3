"""The notice of a change of the second factor, to the person whose it is."""

from flask import current_app

from waitercaller import mail
from waitercaller.db import Document
from waitercaller.routing import path_for


@mail.prepares("two_factor_notice")
def two_factor_notice(to: str, context: Document) -> mail.Prepared | None:
    """What happened ('on', 'off', 'new_codes', 'recovery_used'), with the way to shut somebody else out."""
    link = str(current_app.extensions["config"].public_url) + path_for("auth.forgot")
    return mail.Prepared("two_factor_notice", {"link": link, **context})
