"""Headers on every answer, forged forms, and which proxies are believed."""

import hashlib
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

from flask import Flask, Response, abort, request
from flask.sessions import SecureCookieSessionInterface
from flask_wtf.csrf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from waitercaller.db.config import config
from waitercaller.model import logins

View = TypeVar("View", bound=Callable[..., Any])

csrf = CSRFProtect()

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",  # data: for the marks in Bootstrap's CSS
    "connect-src": "'self'",
    "manifest-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}


def policy_header(policy: Mapping[str, str]) -> str:
    """A Content-Security-Policy as its header has it."""
    return "; ".join(f"{directive} {sources}" for directive, sources in policy.items())


CONTENT_SECURITY_POLICY = policy_header(POLICY)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # A POST over https must carry a Referer to pass the CSRF check, so not "no-referrer" where forms are.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Sessions(SecureCookieSessionInterface):
    """Flask's sessions, signed with SHA-256 as all that we sign; Flask's own choice is SHA-1."""

    digest_method = staticmethod(hashlib.sha256)


def init_app(app: Flask) -> None:
    app.session_interface = Sessions()
    app.permanent_session_lifetime = logins.DEVICE_LIFETIME  # of the cookie; the documents of logins end the others
    app.before_request(_refuse_malformed_referer)  # first: the check of forms trips over one
    csrf.init_app(app)
    app.after_request(_headers)
    proxies = config(app).proxy_count
    if proxies:
        # The Host header reaches us as the visitor sent it; X-Forwarded-Host is never believed.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies)  # type: ignore[method-assign]


def guest_form(view: View) -> View:
    """A POST by a guest: no cookie and no CSRF token, since the code is the authority; no other site may send it.

    Browsers without Sec-Fetch-Site are let through: what they could send across sites, anybody with the code could.
    """

    @wraps(view)
    def checked(*args: Any, **kwargs: Any) -> Any:
        if request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
            abort(403)
        return view(*args, **kwargs)

    csrf.exempt(checked)
    return cast(View, checked)


def _refuse_malformed_referer() -> None:
    try:
        urlsplit(request.referrer or "")
    except ValueError:
        abort(400)


def _headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if not response.cache_control.public:  # all but static files: a picture of a code is nobody's to keep either
        response.headers["Cache-Control"] = "no-store"
    return response
