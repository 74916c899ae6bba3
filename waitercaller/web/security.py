"""Security headers, CSRF protection, and the cookie session."""

import hashlib
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, TypeVar, cast

from flask import Flask, Request, Response, abort, g, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask_wtf.csrf import CSRFError, CSRFProtect
from itsdangerous import SignatureExpired, TimestampSigner, URLSafeTimedSerializer

from waitercaller.model import logins, tokens

View = TypeVar("View", bound=Callable[..., Any])

csrf = CSRFProtect()
OTHER_SITE, NO_ORIGIN = "another site", "no origin"  # what a CSRFError says of a form that is not known to be ours

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",  # data: for the arrow of a selection in base.css
    "connect-src": "'self'",
    "manifest-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}


def policy_header(policy: Mapping[str, str]) -> str:
    """The value of a Content-Security-Policy header."""
    return "; ".join(f"{directive} {sources}" for directive, sources in policy.items())


CONTENT_SECURITY_POLICY = policy_header(POLICY)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # By the Referer browsers without Origin and Sec-Fetch-Site show that a form is ours: not "no-referrer".
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class SessionSigner(TimestampSigner):
    """Accepts what a machine has signed whose clock is ahead, by up to CLOCK_LEEWAY; itsdangerous refuses that."""

    def unsign(self, signed_value: str | bytes, max_age: int | None = None, return_timestamp: bool = False) -> Any:
        value, signed_at = super().unsign(signed_value, return_timestamp=True)
        age = self.get_timestamp() - signed_at.timestamp()
        if max_age is not None and not -tokens.CLOCK_LEEWAY.total_seconds() <= age <= max_age:
            raise SignatureExpired(f"signed {age:.0f} s ago", payload=value, date_signed=signed_at)
        return (value, signed_at) if return_timestamp else value


class Sessions(SecureCookieSessionInterface):
    """Cookie sessions signed with HMAC-SHA-256; Flask's default is SHA-1."""

    digest_method = staticmethod(hashlib.sha256)

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """As Flask's, which makes a serializer even where no cookie has come."""
        has_come = self.get_cookie_name(app) in request.cookies
        return super().open_session(app, request) if has_come else self.session_class()

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        serializer = super().get_signing_serializer(app)
        if serializer is not None:
            serializer.signer = SessionSigner
        return serializer


def init_app(app: Flask) -> None:
    app.session_interface = Sessions()
    app.permanent_session_lifetime = logins.DEVICE_LIFETIME  # of the cookie; logins can end earlier
    # Else each answer sets the cookie, and one that comes late, to a page that was left, brings an older login back.
    app.config["SESSION_REFRESH_EACH_REQUEST"] = False
    app.config["WTF_CSRF_SSL_STRICT"] = False  # Flask-WTF knows the Referer only; see `_refuse_other_sites`
    csrf.init_app(app)
    app.before_request(_refuse_other_sites)
    app.after_request(_headers)


def guest_form(view: View) -> View:
    """Decorate a POST view for guests: no cookie, no CSRF token, the code authorises; cross-site POSTs get 403.

    Browsers that send no Sec-Fetch-Site are accepted: a forged POST needs the code, which allows calls anyway.
    """

    @wraps(view)
    def checked(*args: Any, **kwargs: Any) -> Any:
        if request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
            abort(403)
        return view(*args, **kwargs)

    csrf.exempt(checked)
    return cast(View, checked)


def _refuse_other_sites() -> None:
    """Over https a form must come from a page of this site, beside its token. Raises CSRFError.

    The first of these headers that a browser sends decides: Origin, Sec-Fetch-Site, Referer. Privacy tools remove the
    Referer, and a page's referrer policy makes the Origin "null".
    """
    if not request.is_secure or not g.get("csrf_valid"):  # the token was not asked for: no form
        return
    origin, site = request.headers.get("Origin", "null"), request.headers.get("Sec-Fetch-Site", "none")
    if origin != "null":
        is_ours = origin == f"https://{request.host}"
    elif site != "none":
        is_ours = site == "same-origin"
    elif request.referrer:
        is_ours = f"{request.referrer}/".startswith(f"https://{request.host}/")
    else:
        raise CSRFError(NO_ORIGIN)
    if not is_ours:
        raise CSRFError(OTHER_SITE)


def _headers(response: Response) -> Response:
    given = {name for name, _value in response.headers}
    for name, value in HEADERS.items():
        if name not in given:
            response.headers.add(name, value)
    if "public" not in response.headers.get("Cache-Control", ""):  # everything but static files
        response.headers["Cache-Control"] = "no-store"
    return response
