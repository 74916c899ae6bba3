"""Error handlers: a page or JSON for each status, with the request id for the log."""

import logging
import traceback
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, g, jsonify, make_response, render_template, request
from flask_babel import gettext as _
from flask_babel.speaklater import LazyString
from flask_wtf.csrf import CSRFError
from gunicorn.http.errors import ParseException
from pymongo.errors import PyMongoError
from werkzeug.exceptions import HTTPException

from waitercaller.db.faults import is_transient
from waitercaller.web import security
from waitercaller.web.routing import is_for_guests

log = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = 5
# What Flask-WTF says where no cookie has come, and where the form is of an earlier one.
NO_SESSION, ANOTHER_SESSION = "The CSRF session token is missing.", "The CSRF tokens do not match."


class DomainError(Exception):
    """A violated domain rule; it becomes a response with this message and status.

    Its title is the usual one of the status, unless another one is given.
    """

    retry_after: int | None = None  # seconds

    def __init__(self, message: str | LazyString, status: int = 409, title: str | LazyString = "") -> None:
        super().__init__(str(message))
        self.message = message
        self.status = status
        self.title = title


def init_app(app: Flask) -> None:
    app.register_error_handler(DomainError, _domain_error)
    app.register_error_handler(PyMongoError, _database_error)
    app.register_error_handler(CSRFError, _csrf_error)
    app.register_error_handler(ParseException, _malformed_body)
    app.register_error_handler(HTTPException, _http_error)
    app.log_exception = _log_fault  # type: ignore[method-assign]  # Flask's would log the path


def wants_json() -> bool:
    """Whether the client is a script that reads a JSON response."""
    return request.accept_mimetypes.best == "application/json"


def error_page(status: int, message: str = "", retry_after: int | None = None, title: str = "") -> Response:
    """The page (or, for scripts, the JSON) for this status; `title` and `message` replace the standard ones."""
    standard_title, standard = _texts(status)
    title, message = title or standard_title, message or standard
    if wants_json():
        response = jsonify(ok=False, message=message, request_id=g.get("request_id"))
    else:
        page = render_template(
            "error.html",
            status=status,
            title=title,
            message=message,
            request_id=g.get("request_id"),
            back=_back(),
            is_guest=is_for_guests(),
        )
        response = make_response(page)
        if status == 503 and request.method in ("GET", "HEAD"):
            # A tablet without scripts reloads its dashboard periodically and must not remain on the error page.
            response.headers["Refresh"] = str(RETRY_AFTER_SECONDS)
    response.status_code = status
    if retry_after or status in (429, 503):
        response.headers["Retry-After"] = str(retry_after or RETRY_AFTER_SECONDS)
    return response


def _back() -> str:
    """Path and query of the referring page, for a link back to the form. Without the host, so it is on this site."""
    try:
        referrer = urlsplit(request.referrer or "")
    except ValueError:
        return ""
    return f"{referrer.path}?{referrer.query}" if referrer.query else referrer.path


def _log_fault(exc_info: Any) -> None:
    """Log an unhandled exception with request id and route, without the path: paths contain table codes."""
    log.error("unexpected fault", exc_info=exc_info)


def _domain_error(error: DomainError) -> Response:
    return error_page(error.status, str(error.message), error.retry_after, str(error.title))


def _database_error(error: PyMongoError) -> Response:
    """Respond with 503 if the database is unavailable, else with 500."""
    # Logged without the message, which can quote documents with e-mail addresses and table codes.
    trace = "".join(traceback.format_tb(error.__traceback__))
    name, code = type(error).__name__, getattr(error, "code", None)
    away = is_transient(error)
    log.error("the database %s: %s, code %s\n%s", "is away" if away else "refused", name, code, trace)
    return error_page(503 if away else 500)


def _csrf_error(error: CSRFError) -> Response:
    log.info("form refused: %s", error.description)
    usual = _("A part of this form is missing or too old. Please go back, reload the page and try again.")
    return error_page(400, _form_refusals().get(error.description or "", usual))


def _form_refusals() -> dict[str, str]:
    """Why a form was refused, and what its sender can do, where that is known."""
    return {
        security.OTHER_SITE: _("This was sent from another site, not from a page of ours. Nothing was changed."),
        security.NO_ORIGIN: _(
            "Your browser does not say from which page this was sent: a setting or an extension removes that. Allow it "
            "for this site, or use another browser. Nothing was changed."
        ),
        ANOTHER_SESSION: _(
            "Somebody has logged in or out in this browser since this page was opened. Please go back, reload the page "
            "and try again."
        ),
        NO_SESSION: _(
            "Your browser has not sent our cookie: it was deleted, or cookies are blocked. Allow cookies for this "
            "site, go back, reload the page and try again."
        ),
    }


def _http_error(error: HTTPException) -> Response:
    response = error.get_response()
    if error.code is None or error.code < 400:
        return make_response(response)
    page = error_page(error.code)
    if "Allow" in response.headers:
        page.headers["Allow"] = response.headers["Allow"]
    return page


def _malformed_body(error: ParseException) -> Response:
    """Respond with 400 to a body that gunicorn cannot read, such as a chunk without a length."""
    log.info("body refused: %s", type(error).__name__)
    return error_page(400)


def _texts(status: int) -> tuple[str, str]:
    if status in (404, 405) and is_for_guests():
        return _("Nothing here"), _("Please scan the code on your table again, or wave to the staff.")
    if status == 403 and is_for_guests():  # see security.guest_form
        return _("That did not work"), _form_refusals()[security.OTHER_SITE]
    texts = {
        400: (_("That did not work"), _("Something in what was sent could not be read. Nothing was changed.")),
        403: (_("Not for you"), _("Your role in this restaurant does not include this page.")),
        404: (_("Nothing here"), _("This page does not exist, or not any more.")),
        405: (_("That did not work"), _("This page cannot be used that way. Nothing was changed.")),
        409: (_("Somebody was faster"), _("Things changed in the meantime. Please look again.")),
        413: (_("Too large"), _("What was sent is too large. Nothing was changed.")),
        429: (_("One moment"), _("That was too often in a short time. Please wait a little.")),
        503: (_("One moment"), _("We cannot reach our database right now. Please try again in a few seconds.")),
    }
    fallback = _("Something went wrong"), _("That was our fault. It is in our log; please try again.")
    return texts.get(status, fallback)
