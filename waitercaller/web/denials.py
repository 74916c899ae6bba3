"""Audit entries for 403 responses to logged-in visitors."""

from contextlib import suppress

from flask import Flask, Response, g, request

from waitercaller.web import audit, limits


def init_app(app: Flask) -> None:
    app.after_request(_record)


def _record(response: Response) -> Response:
    """Record a denied request. Not of anonymous visitors, and rate-limited, so that nobody can flood the audit."""
    if response.status_code == 403 and (login := g.get("login")) is not None:
        person, restaurant = g.get("person") or {}, g.get("restaurant") or {}
        restaurant_id = restaurant.get("_id") or login.get("restaurant_id")
        with suppress(limits.LimitReached):
            limits.check("denied", str(login["actor"]["id"]))
            route = f"{request.method} {request.url_rule}"
            audit.record("denied", user_id=person.get("_id"), restaurant_id=restaurant_id, route=route)
    return response
