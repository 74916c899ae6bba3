"""Well-known URLs (RFC 8615): change-password and security.txt."""

from datetime import timedelta
from email.utils import parseaddr
from urllib.parse import quote

from flask import Response, redirect, url_for
from flask.typing import ResponseReturnValue

from waitercaller.db import clock
from waitercaller.db.config import config
from waitercaller.site import blueprint
from waitercaller.web import access

# RFC 9116 recommends less than a year. Rendered per request, so it is always in the future.
SECURITY_TXT_LIFETIME = timedelta(days=90)


@blueprint.get("/.well-known/change-password")
@access.anyone
def change_password() -> ResponseReturnValue:
    """For password managers (https://www.w3.org/TR/change-password-url/)."""
    return redirect(url_for("account.password"), 303)


@blueprint.get("/.well-known/security.txt")
@access.anyone
def security_txt() -> Response:
    """The contact for vulnerability reports (RFC 9116)."""
    expires = (clock.now() + SECURITY_TXT_LIFETIME).replace(hour=0, minute=0, second=0, microsecond=0)
    sender = quote(parseaddr(config().mail_sender)[1], safe="@")
    lines = (
        f"Contact: {config().security_contact or 'mailto:' + sender}",
        f"Expires: {expires:%Y-%m-%dT%H:%M:%SZ}",
        "Preferred-Languages: en, de",
        f"Canonical: {config().public_url}/.well-known/security.txt",
    )
    return Response("".join(f"{line}\n" for line in lines), mimetype="text/plain")
