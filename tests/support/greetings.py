"""A kind of mail for tests only, and access to the outbox's documents."""

from typing import Any

from flask import Flask
from jinja2 import ChoiceLoader, DictLoader

from waitercaller.mail import outbox

DANA = "dana@example.org"
TEMPLATES = {
    "email/greeting/subject.txt": "Grüße von\n{{ name }} ",
    "email/greeting/body.txt": "{{ language }} {{ public_url }}/hello?from={{ name }}\nÄpfel für {{ name }}.",
    "email/greeting/body.html": "<p>{{ name }}</p>",
}


@outbox.prepares("greeting")
def greeting(to: str, context: dict[str, Any]) -> outbox.Prepared:
    return outbox.Prepared("greeting", context)


def with_greeting(app: Flask) -> Flask:
    """Add the tests' kind of mail to the application."""
    loader = app.jinja_env.loader
    assert loader is not None
    app.jinja_env.loader = ChoiceLoader([DictLoader(TEMPLATES), loader])
    return app


def greet(app: Flask, to: str = DANA, **values: Any) -> None:
    with app.app_context():
        outbox.enqueue("greeting", to, **{"name": "Alice", **values})


def outbox_of(app: Flask) -> list[dict[str, Any]]:
    return list(app.extensions["mongo"].database.outbox.find().sort("created_at"))
