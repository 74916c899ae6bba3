"""The installable web app: manifest, icons of restaurants, service worker and offline page."""

import json
import re
from pathlib import Path
from typing import NamedTuple

from bson import ObjectId
from flask import Response, abort, current_app, jsonify, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from waitercaller.model import colours, face, face_pictures
from waitercaller.model.languages import text_direction
from waitercaller.site import blueprint
from waitercaller.web import access, caching
from waitercaller.web.languages import current_language
from waitercaller.web.threads import in_thread

WORKER = "js/service-worker.js"
LOGO = re.compile("[0-9a-f]{32}")


class Icon(NamedTuple):
    """An icon of the app; its side in px."""

    side: int
    is_maskable: bool = False


# By the names of the files that hold the product's own; each is also drawn with a restaurant's logo.
ICONS = {
    "app-192.png": Icon(192),
    "app-512.png": Icon(512),
    "app-maskable-512.png": Icon(512, is_maskable=True),
    "app-apple-180.png": Icon(180),
}
IN_MANIFEST = ("app-192.png", "app-512.png", "app-maskable-512.png")
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
    """The web app manifest, for the dashboard of one restaurant.

    Browsers fetch it without a cookie, so it says nothing of restaurants that its address does not say.
    """
    asked, logo, colour = (request.args.get(name, "") for name in ("restaurant", "logo", "colour"))
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
            "theme_color": colour if colours.COLOUR.fullmatch(colour) else "#8a3b12",
            "icons": [_in_manifest(name, logo if LOGO.fullmatch(logo) else "") for name in IN_MANIFEST],
        }
    )
    response.mimetype = "application/manifest+json"
    return response


@blueprint.get("/logo/<string(length=32):logo_id>/<name>")
@access.anyone
def icon(logo_id: str, name: str) -> ResponseReturnValue:
    """The app's icon with a restaurant's logo; a logo never changes."""
    found = face.logo(logo_id) if name in ICONS else None
    if found is None:
        abort(404)
    picture = in_thread(face_pictures.icon, found["large"], *ICONS[name])
    return caching.for_a_year(Response(picture, mimetype="image/png"))


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


def _icon_path(name: str, logo: str = "") -> str:
    return url_for("site.icon", logo_id=logo, name=name) if logo else url_for("static", filename=f"icons/{name}")


def _in_manifest(name: str, logo: str) -> dict[str, str]:
    side, is_maskable = ICONS[name]
    purpose = "maskable" if is_maskable else "any"
    return {"src": _icon_path(name, logo), "sizes": f"{side}x{side}", "type": "image/png", "purpose": purpose}
