"""What makes the staff's pages an app: the manifest, the service worker, and the page it shows without a connection."""

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
# What the offline page is made of. Nothing else is ever kept: a list of calls from a minute ago is a lie.
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
    """What a phone needs to know to keep the calls of a restaurant as an app of their own."""
    asked = request.args.get("restaurant", "")
    if not ObjectId.is_valid(asked):
        asked = ""
    start = url_for("requests.dashboard.page", restaurant_id=ObjectId(asked)) if asked else url_for("site.home")
    described = jsonify(
        {
            "id": start,
            "name": "Waiter Caller",
            "short_name": _("Calls"),
            "description": _("Who is waiting at which table, the moment they call."),
            "lang": current_language(),
            "dir": text_direction(current_language()),
            "start_url": start,
            "scope": "/",  # the login and the account are part of it
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
    described.mimetype = "application/manifest+json"
    return described


@blueprint.get("/service-worker.js")
@access.anyone
def service_worker() -> Response:
    """The script that browsers keep and run by themselves; another one with each version, for it names its files."""
    shell = [url_for("site.offline"), *(url_for("static", filename=name) for name in SHELL)]
    pictures = {"icon": _picture("app-192.png"), "badge": _picture("badge-96.png")}
    script = (Path(str(current_app.static_folder)) / WORKER).read_text("utf-8")
    head = f"const SHELL = {json.dumps(shell)};\nconst PICTURES = {json.dumps(pictures)};\n"
    return Response(head + script, mimetype="text/javascript")


@blueprint.get("/offline")
@access.anyone
def offline() -> ResponseReturnValue:
    """What the service worker keeps, and shows in place of a page that it cannot get."""
    return render_template("site/offline.html")


def _picture(name: str) -> str:
    return url_for("static", filename=f"icons/{name}")


def _icon(name: str, size: int, purpose: str = "any") -> dict[str, str]:
    return {"src": _picture(name), "sizes": f"{size}x{size}", "type": "image/png", "purpose": purpose}
