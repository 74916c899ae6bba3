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

from flask import Blueprint, Flask, Response, abort, current_app, g, make_response, render_template, request
from flask.typing import ResponseReturnValue

from waitercaller import access
from waitercaller.security import POLICY, guest_form, policy_header
from waitercaller.standard_kinds import STANDARD_KINDS

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

blueprint = Blueprint("analytics", __name__, template_folder="../deploy/templates")


@dataclass(frozen=True)
class Question:
    """What analytics.html needs: how it was answered ("yes", "no" or not yet), and where Google's script runs."""

    answer: str
    framed: bool
    measurement_id: str
    cookie_seconds: int = round(ANSWER_LASTS.total_seconds())  # that Google's cookies live
    kinds: str = " ".join(kind["id"] for kind in STANDARD_KINDS)  # what a restaurant has added says which one it is


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)
    app.context_processor(lambda: {"analytics": g.get("analytics")})


def counted(framed: bool = False) -> Callable[[View], View]:
    """Declare a page that may be counted; with `framed`, only from a frame that knows nothing of the page."""

    def declare(view: View) -> View:
        @wraps(view)
        def asking(*args: Any, **kwargs: Any) -> ResponseReturnValue:
            if not _measurement_id():
                return cast(ResponseReturnValue, view(*args, **kwargs))
            if not _refused_by_browser():
                g.analytics = Question(_answer(), framed, _measurement_id())
            try:
                response = make_response(view(*args, **kwargs))
            finally:
                question = g.pop("analytics", None)  # the page of an error is another page
            if question and (framed or question.answer == "yes"):
                _open_policy(response, FRAMING if framed else GOOGLE)
            if not question or question.answer != "yes":
                _forget(response)
            return response

        return cast(View, asking)

    return declare


@blueprint.get("/t/")
@access.anyone
def frame() -> Response:
    """An empty page inside the guest's page, for Google's script: no code in its address, nothing to read."""
    if not _measurement_id() or _refused_by_browser() or _answer() != "yes":
        abort(404)
    question = Question("yes", True, _measurement_id())
    response = make_response(render_template("analytics_frame.html", analytics=question))
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    _open_policy(response, FRAMED)
    return response


@blueprint.post("/consent")
@access.anyone
@guest_form
def answer() -> Response:
    """Accepting, refusing, and taking back; a cookie set here lasts where browsers cut short those set by scripts."""
    if not _measurement_id():
        abort(404)
    chosen = request.form.get("answer")
    if chosen not in ("yes", "no"):
        abort(400)
    response = Response(status=204)
    response.set_cookie(
        _cookie(), chosen, max_age=ANSWER_LASTS, secure=_https(), httponly=True, samesite="Lax", path="/"
    )
    if chosen == "no":
        _forget(response)
    return response


def _open_policy(response: Response, changes: dict[str, str]) -> None:
    response.headers["Content-Security-Policy"] = policy_header(POLICY | changes)


def _forget(response: Response) -> None:
    """Whoever has not accepted, or not lately, keeps none of Google's cookies; all are this host's (analytics.js)."""
    for name in request.cookies:
        if name.startswith("_ga"):
            response.delete_cookie(name, secure=_https(), samesite="Lax")


def _answer() -> str:
    given = request.cookies.get(_cookie(), "")
    return given if given in ("yes", "no") else ""


def _refused_by_browser() -> bool:
    """Global Privacy Control (https://www.w3.org/TR/gpc/) is a refusal, also of what was accepted before."""
    return request.headers.get("Sec-GPC") == "1"


def _cookie() -> str:
    return "__Host-wc_consent" if _https() else "wc_consent"


def _https() -> bool:
    return bool(current_app.extensions["config"].https)


def _measurement_id() -> str:
    return str(current_app.extensions["config"].ga_measurement_id)
