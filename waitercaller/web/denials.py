"""What was denied is kept in the audit: that somebody who is logged in tried what their role forbids."""

from contextlib import suppress

from flask import Flask, Response, g, request

from waitercaller.web import audit, limits


def init_app(app: Flask) -> None:
    app.after_request(_record)


def _record(response: Response) -> Response:
    """Not of strangers, who could fill the audit; nor without end of one who wants to bury what they did before."""
    if response.status_code == 403 and (login := g.get("login")) is not None:
        person, restaurant = g.get("person") or {}, g.get("restaurant") or {}
        restaurant_id = restaurant.get("_id") or login.get("restaurant_id")
        with suppress(limits.LimitReached):
            limits.check("denied", str(login["actor"]["id"]))
            route = f"{request.method} {request.url_rule}"
            audit.record("denied", user_id=person.get("_id"), restaurant_id=restaurant_id, route=route)
    return response
