"""Routes whose response is an event stream; see live/streams."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, abort, current_app, request

from waitercaller.live import streams

View = TypeVar("View", bound=Callable[..., Any])


def opens_stream(view: View) -> View:
    """Declare such a route. While this process receives no changes it answers 503, before anything else is done.

    Else the queries of all pages that try to come back, for their logins first, keep a slow database from opening the
    change stream again.
    """
    view.__dict__["opens_stream"] = True
    return view


def init_app(app: Flask) -> None:
    app.before_request(_refuse_while_deaf)


def _refuse_while_deaf() -> None:
    view = current_app.view_functions.get(request.endpoint or "")
    if getattr(view, "opens_stream", False) and not streams.can_open():
        abort(503)
