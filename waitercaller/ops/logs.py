"""Logs: one line a record, as JSON for machines or as text for people, with the id of the request and its route."""

import json
import logging
import re
from datetime import UTC, datetime

from flask import g, has_request_context, request

# What ends a line somewhere: in a terminal, a log viewer or a program that reads logs.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


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
