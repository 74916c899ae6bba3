"""Google Analytics, for operators who want it: asked first, refused as easily, taken back at any time.

A page has it only where its view says so with `counted`; a new page has none. Until the visitor accepts, nothing names
Google: not the page, not its Content-Security-Policy, not the network. The answer is a cookie of ours that the server
reads, so that the policy opens for those who accepted and for nobody else.

Into the guest's page Google's script never comes. It could read the table's code there: in the address, in the receipt,
in the form that its own "enhanced measurement" watches. It runs in an empty frame at /t/ instead.
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

ANSWER_LASTS = timedelta(days=182)  # then it is asked again
GOOGLE = {
    "script-src": "'self' https://*.googletagmanager.com",
    "img-src": "'self' data: https://*.google-analytics.com https://*.googletagmanager.com",
    "connect-src": (
        "'self' https://*.google-analytics.com https://*.analytics.google.com https://*.googletagmanager.com"
    ),
}
FRAMING = {"frame-src": "'self'"}
FRAMED = GOOGLE | {"frame-ancestors": "'self'"}


@dataclass(frozen=True)
class Question:
    """What analytics.html needs: how it was answered ("yes", "no" or not yet), and where Google's script runs."""

    answer: str
    framed: bool
    measurement_id: str
    cookie_seconds: int = round(ANSWER_LASTS.total_seconds())  # that Google's cookies live
    kinds: str = " ".join(kind["id"] for kind in STANDARD_KINDS)  # what a restaurant has added says which one it is


def init_app(app: Flask) -> None:
    app.context_processor(lambda: {"analytics": g.get("analytics")})


def counted(framed: bool = False) -> Callable[[View], View]:
    """Declare a page that may be counted; with `framed`, only from a frame that knows nothing of the page."""

    def declare(view: View) -> View:
        @wraps(view)
        def asking(*args: Any, **kwargs: Any) -> ResponseReturnValue:
            if not measurement_id():
                return cast(ResponseReturnValue, view(*args, **kwargs))
            if not refused_by_browser():
                g.analytics = Question(answer(), framed, measurement_id())
            try:
                response = make_response(view(*args, **kwargs))
            finally:
                question = g.pop("analytics", None)  # the page of an error is another page
            if question and (framed or question.answer == "yes"):
                open_policy(response, FRAMING if framed else GOOGLE)
            if not question or question.answer != "yes":
                forget(response)
            return response

        return cast(View, asking)

    return declare


def open_policy(response: Response, changes: dict[str, str]) -> None:
    response.headers["Content-Security-Policy"] = policy_header(POLICY | changes)


def forget(response: Response) -> None:
    """Whoever has not accepted, or not lately, keeps none of Google's cookies; all are this host's (analytics.js)."""
    for name in request.cookies:
        if name.startswith("_ga"):
            response.delete_cookie(name, secure=https(), samesite="Lax")


def answer() -> str:
    given = request.cookies.get(cookie(), "")
    return given if given in ("yes", "no") else ""


def refused_by_browser() -> bool:
    """Global Privacy Control (https://www.w3.org/TR/gpc/) is a refusal, also of what was accepted before."""
    return request.headers.get("Sec-GPC") == "1"


def cookie() -> str:
    return "__Host-wc_consent" if https() else "wc_consent"


def https() -> bool:
    return config().https


def measurement_id() -> str:
    return config().ga_measurement_id
