"""Log formatter: one line per record, as JSON or text, with request id and route."""

import json
import logging
import re
from datetime import UTC, datetime

from flask import g, has_request_context, request

# Characters that terminals or log readers treat as line breaks or control codes.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class LogFormatter(logging.Formatter):
    """One line per record, control characters escaped, with request id and route; no path: it has the table code."""

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
            return json.dumps(entry)  # ASCII: line breaks are escaped
        exception = entry.pop("exception", "")
        line = " ".join(_one_line(value) for value in entry.values())
        # Indented, so that a line of a traceback cannot be mistaken for a record.
        return "\n".join([line, *(f"    {_one_line(each)}" for each in exception.split("\n") if each)])


def _one_line(text: str) -> str:
    return _CONTROL.sub(lambda control: repr(control[0])[1:-1], text)
