"""Security headers, CSRF protection, and the cookie session."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

from flask import Flask, Request, Response, abort, current_app, g, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from flask_wtf.csrf import CSRFError, CSRFProtect
from itsdangerous import SignatureExpired, TimestampSigner, URLSafeTimedSerializer

from waitercaller.model import logins, tokens

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

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


class SecurityHeaders:
    """WSGI middleware: adds HEADERS to a response that does not set them; lets none be stored that is not public."""

    def __init__(self, app: "WSGIApplication") -> None:
        self.app = app

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            return start_response(status, _with_ours(headers), *error)

        return self.app(environ, start)


def _with_ours(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    given = {name.lower(): value for name, value in headers}
    if "public" not in given.get("cache-control", ""):  # everything but static files
        headers = [each for each in headers if each[0].lower() != "cache-control"]
        headers.append(("Cache-Control", "no-store"))
    return headers + [each for each in HEADERS.items() if each[0].lower() not in given]


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
        has_come = "HTTP_COOKIE" in request.environ and self.get_cookie_name(app) in request.cookies
        return super().open_session(app, request) if has_come else self.session_class()

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """As Flask's, which computes the cookie's attributes even where no view has read the session."""
        if session.accessed or session.modified:
            super().save_session(app, session, response)

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
    app.config["WTF_CSRF_CHECK_DEFAULT"] = False  # by `_check_form`, for forms only
    csrf.init_app(app)
    app.before_request(_check_form)
    app.wsgi_app = SecurityHeaders(app.wsgi_app)  # type: ignore[method-assign]


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


def _check_form() -> None:
    """A form needs its token, and over https must come from a page of this site. Raises CSRFError."""
    settings = current_app.config
    if request.method not in settings["WTF_CSRF_METHODS"] or not settings["WTF_CSRF_ENABLED"]:
        return
    csrf.protect(apply_exemptions=True)
    if request.is_secure and g.get("csrf_valid"):  # else the view is exempt
        _refuse_other_sites()


def _refuse_other_sites() -> None:
    """Raises CSRFError for a form of another site's page.

    The first of these headers that a browser sends decides: Origin, Sec-Fetch-Site, Referer. Privacy tools remove the
    Referer, and a page's referrer policy makes the Origin "null".
    """
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
