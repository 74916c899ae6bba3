"""The baselines: minimal Flask views, one with an insert, a stream, and the dashboard as the book has it."""

import os
import threading
from collections.abc import Iterator

from flask import Flask, Response, request
from pymongo import MongoClient

app = Flask(__name__)
client: MongoClient[dict[str, str]] = MongoClient(os.environ["MONGODB_URI"], w="majority", journal=True)
collection = client.get_default_database().bare
HEARTBEAT_SECONDS = 15.0
EMPTY = "<!doctype html><title>Table</title><p>"
TEXT = app.jinja_env.from_string(EMPTY + "{{ text }}")
ROWS = app.jinja_env.from_string(
    """<!doctype html><title>Dashboard</title><table>
{% for row in rows %}<tr><td>{{ row.table_name }}</td><td>{{ row.first_at }}</td><td><form action="/resolve">
<input type="hidden" name="request_id" value="{{ row._id }}"><input type="submit" value="Resolve"></form></td></tr>
{% endfor %}</table>"""
)


@app.get("/healthz")
def healthz() -> Response:
    return Response("alive")


@app.post("/")
def insert() -> Response:
    collection.insert_one({"text": request.form["text"]})
    return Response("inserted")


@app.get("/text/<int:size>")
def text(size: int) -> str:
    """A page of this many bytes, from a template with one value."""
    return TEXT.render(text="x" * (size - len(EMPTY)))


@app.get("/stream")
def stream() -> Response:
    """A stream that sends nothing but heartbeats."""

    def events() -> Iterator[str]:
        woken = threading.Event()
        while True:
            yield "event: ping\ndata: {}\n\n"
            woken.wait(HEARTBEAT_SECONDS)

    return Response(events(), mimetype="text/event-stream")


@app.get("/rows")
def rows() -> str:
    """The book's dashboard: a table of all requests, with a link to end each."""
    return ROWS.render(rows=collection.database.requests.find({}, {"table_name": 1, "first_at": 1}))
