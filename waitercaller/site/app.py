"""The installable web app: manifest, service worker and offline page."""

import json
from pathlib import Path

from bson import ObjectId
from flask import Response, current_app, jsonify, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from waitercaller.model.languages import text_direction
from waitercaller.site import blueprint
from waitercaller.web import access
from waitercaller.web.languages import current_language

WORKER = "js/service-worker.js"
# Files of the offline page. The service worker caches nothing else: an outdated list of calls would mislead.
SHELL = (
    "css/tokens.css",
    "css/error.css",
    "css/offline.css",
    "js/offline.js",
    "js/dom.js",
    "js/fetch-within.js",
    "js/storage.js",
    "icons/favicon.svg",
)


@blueprint.get("/manifest.webmanifest")
@access.anyone
def manifest() -> ResponseReturnValue:
    """The web app manifest, for the dashboard of one restaurant."""
    asked = request.args.get("restaurant", "")
    if not ObjectId.is_valid(asked):
        asked = ""
    start = url_for("requests.dashboard.page", restaurant_id=ObjectId(asked)) if asked else url_for("site.home")
    response = jsonify(
        {
            "id": start,
            "name": "Waiter Caller",
            "short_name": _("Calls"),
            "description": _("Who is waiting at which table, the moment they call."),
            "lang": current_language(),
            "dir": text_direction(current_language()),
            "start_url": start,
            "scope": "/",  # includes login and account pages
            "display": "standalone",
            "background_color": "#faf7f2",
            "theme_color": "#8a3b12",
            "icons": [
                _icon("app-192.png", 192),
                _icon("app-512.png", 512),
                _icon("app-maskable-512.png", 512, "maskable"),
            ],
        }
    )
    response.mimetype = "application/manifest+json"
    return response


@blueprint.get("/service-worker.js")
@access.anyone
def service_worker() -> Response:
    """The service worker; it lists versioned files, so it changes with each version."""
    shell = [url_for("site.offline"), *(url_for("static", filename=name) for name in SHELL)]
    icons = {"icon": _icon_path("app-192.png"), "badge": _icon_path("badge-96.png")}
    script = (Path(str(current_app.static_folder)) / WORKER).read_text("utf-8")
    head = f"const SHELL = {json.dumps(shell)};\nconst ICONS = {json.dumps(icons)};\n"
    return Response(head + script, mimetype="text/javascript")


@blueprint.get("/offline")
@access.anyone
def offline() -> ResponseReturnValue:
    """The page that the service worker shows when the network fails."""
    return render_template("site/offline.html")


def _icon_path(name: str) -> str:
    return url_for("static", filename=f"icons/{name}")


def _icon(name: str, size: int, purpose: str = "any") -> dict[str, str]:
    return {"src": _icon_path(name), "sizes": f"{size}x{size}", "type": "image/png", "purpose": purpose}
