"""Google Analytics, optional, after consent that can be refused and withdrawn.

Only views decorated with `enabled` have it. Without consent nothing refers to Google: neither the page nor its
Content-Security-Policy, and there is no network traffic. Consent is a first-party cookie read by the server, so the
policy is relaxed for visitors who accepted only.

Google's script never runs in the guest's page, where it could read the table's code: in the URL, in the receipt, and in
forms, which its "enhanced measurement" observes. It runs in an empty iframe at /t/ instead.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import wraps
from typing import Any, TypeVar, cast

from flask import Flask, Response, g, make_response, request
from flask.typing import ResponseReturnValue

from waitercaller.db.config import config
from waitercaller.model.standard_kinds import STANDARD_KINDS
from waitercaller.web.security import POLICY, policy_header

View = TypeVar("View", bound=Callable[..., Any])

CONSENT_LIFETIME = timedelta(days=182)
GOOGLE_SOURCES = {
    "script-src": "'self' https://*.googletagmanager.com",
    "img-src": "'self' data: https://*.google-analytics.com https://*.googletagmanager.com",
    "connect-src": (
        "'self' https://*.google-analytics.com https://*.analytics.google.com https://*.googletagmanager.com"
    ),
}
EMBEDDING_SOURCES = {"frame-src": "'self'"}
FRAME_SOURCES = GOOGLE_SOURCES | {"frame-ancestors": "'self'"}


@dataclass(frozen=True)
class Analytics:
    """Context of analytics.html. `answer` is "yes", "no" or "" (none yet); `framed`: the script runs in an iframe."""

    answer: str
    framed: bool
    measurement_id: str
    cookie_seconds: int = round(CONSENT_LIFETIME.total_seconds())  # lifetime of Google's cookies
    kinds: str = " ".join(kind["id"] for kind in STANDARD_KINDS)  # reported; added kinds could identify a restaurant


def init_app(app: Flask) -> None:
    app.context_processor(lambda: {"analytics": g.get("analytics")})


def enabled(framed: bool = False) -> Callable[[View], View]:
    """Decorate a view whose page may have analytics; with `framed`, in an iframe without access to the page."""

    def declare(view: View) -> View:
        @wraps(view)
        def wrapped(*args: Any, **kwargs: Any) -> ResponseReturnValue:
            if not measurement_id():
                return cast(ResponseReturnValue, view(*args, **kwargs))
            if not refused_by_browser():
                g.analytics = Analytics(consent(), framed, measurement_id())
            try:
                response = make_response(view(*args, **kwargs))
            finally:
                context = g.pop("analytics", None)  # error pages have no analytics
            if context and (framed or context.answer == "yes"):
                relax_policy(response, EMBEDDING_SOURCES if framed else GOOGLE_SOURCES)
            if not context or context.answer != "yes":
                delete_cookies(response)
            return response

        return cast(View, wrapped)

    return declare


def relax_policy(response: Response, changes: dict[str, str]) -> None:
    """Set the Content-Security-Policy with these directives changed."""
    response.headers["Content-Security-Policy"] = policy_header(POLICY | changes)


def delete_cookies(response: Response) -> None:
    """Delete Google's cookies of a visitor without valid consent; analytics.js sets them for this host only."""
    for name in request.cookies:
        if name.startswith("_ga"):
            response.delete_cookie(name, secure=https(), samesite="Lax")


def consent() -> str:
    """The visitor's answer: "yes", "no", or "" if there is none."""
    given = request.cookies.get(cookie(), "")
    return given if given in ("yes", "no") else ""


def refused_by_browser() -> bool:
    """Whether the browser sends Global Privacy Control (https://www.w3.org/TR/gpc/); it overrides earlier consent."""
    return request.headers.get("Sec-GPC") == "1"


def cookie() -> str:
    return "__Host-wc_consent" if https() else "wc_consent"


def https() -> bool:
    return config().https


def measurement_id() -> str:
    return config().ga_measurement_id
