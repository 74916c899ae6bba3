"""Operations: health, readiness, metrics, request ids, logs, the doctor, backups."""

import logging
import re
import secrets
import time

from flask import Blueprint, Flask, Response, g, request

from waitercaller import metrics
from waitercaller.db.config import config
from waitercaller.ops.logs import LogFormatter

__all__ = ["LogFormatter", "blueprint", "init_app"]

blueprint = Blueprint("ops", __name__)

from waitercaller.ops import views  # noqa: E402, F401 (its routes belong to the blueprint above)

log = logging.getLogger(__name__)

# The reverse proxy logs every HTTP request with the same id; only failures and slow responses are logged here.
SLOW_SECONDS = 1.0

_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")


def init_app(app: Flask) -> None:
    _configure_logs(config(app).log_format)
    app.before_request(_begin)
    app.after_request(_end)


def _configure_logs(log_format: str) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(LogFormatter(as_json=log_format == "json"))
    logger = logging.getLogger("waitercaller")
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)


def _begin() -> None:
    g.began = time.perf_counter()
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)


def _end(response: Response) -> Response:
    response.headers["X-Request-Id"] = g.get("request_id", "-")
    seconds = time.perf_counter() - g.get("began", time.perf_counter())
    # Without a matched route, path and method are arbitrary input: not used as labels.
    route, method = (str(request.url_rule), request.method) if request.url_rule else ("-", "-")
    metrics.answered(route, method, response.status_code, seconds)
    if response.status_code >= 500 or seconds >= SLOW_SECONDS:
        log.warning("answered %s %d after %d ms", method, response.status_code, round(seconds * 1000))
    return response
