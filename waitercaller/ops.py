"""What operators need: health, readiness, request ids, logs."""

import json
import logging
import re
import secrets
from datetime import UTC, datetime

from flask import Blueprint, Flask, Response, g, has_request_context, jsonify, request
from flask.typing import ResponseReturnValue

from waitercaller import access, schema
from waitercaller.db import db

blueprint = Blueprint("ops", __name__)

_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
# What ends a line somewhere: in a terminal, a log viewer or a program that reads logs.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def init_app(app: Flask) -> None:
    _configure_logs(app.extensions["config"].log_format)
    app.before_request(_take_request_id)
    app.after_request(_return_request_id)


@blueprint.get("/healthz")
@access.anyone
def healthz() -> ResponseReturnValue:
    """This process is alive."""
    return jsonify(status="alive")


@blueprint.get("/readyz")
@access.anyone
def readyz() -> ResponseReturnValue:
    """The database answers and has its indexes. PyMongo's errors become the 503 of every page."""
    missing = schema.missing_indexes(db())
    return (jsonify(status="not ready", missing_indexes=missing), 503) if missing else jsonify(status="ready")


class LogFormatter(logging.Formatter):
    """One line a record, whatever is in it, with the request's id and its route (never its path: paths hold codes)."""

    def __init__(self, as_json: bool) -> None:
        super().__init__()
        self.as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if has_request_context():
            entry |= {"request_id": g.get("request_id", "-"), "route": str(request.url_rule or "-")}
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        if self.as_json:
            return json.dumps(entry)  # in ASCII: whatever breaks lines is written as an escape
        exception = entry.pop("exception", "")
        line = " ".join(_one_line(value) for value in entry.values())
        # Indented, so that no line of an error's words passes for one of ours.
        return "\n".join([line, *(f"    {_one_line(each)}" for each in exception.split("\n") if each)])


def _one_line(text: str) -> str:
    return _CONTROL.sub(lambda control: repr(control[0])[1:-1], text)


def _configure_logs(log_format: str) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(LogFormatter(as_json=log_format == "json"))
    logger = logging.getLogger("waitercaller")
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)


def _take_request_id() -> None:
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)


def _return_request_id(response: Response) -> Response:
    response.headers["X-Request-Id"] = g.get("request_id", "-")
    return response
