"""What only the dashboard's scripts need: blank cards, words, menus and dialogs.

It is alike for all restaurants, so it is not in each page, but a script of its own for each language, which browsers
keep. It runs before the page's modules, and puts these parts into the page.
"""

import functools
import hashlib
import json

from flask import Response, abort, render_template, url_for
from flask_babel import force_locale

from waitercaller.model.languages import STAFF_LANGUAGES
from waitercaller.requests.dashboard import actors, blueprint, cards
from waitercaller.web import access, caching

# The template of each part, by the id of the element at whose end it is put.
PLACES = {"screen": "_parts.html", "bell": "_bell_menu.html", "foot": "_sound_warning.html"}
SCRIPT = """(function (parts) {{
  for (var id in parts) {{
    var part = new DOMParser().parseFromString(parts[id], "text/html").body;
    while (part.firstChild) document.getElementById(id).appendChild(part.firstChild);
  }}
}})({parts});
"""


@blueprint.get("/dashboard-parts/<version>/<language>.js", endpoint="parts")
@access.anyone
def send(version: str, language: str) -> Response:
    """The script with the parts in this language; as static files are, only the current version is cacheable."""
    if language not in STAFF_LANGUAGES:
        abort(404)
    response = Response(_script(language), mimetype="text/javascript")
    if version == _version(language):
        caching.for_a_year(response)
    return response


def url(language: str) -> str:
    """The address of the parts in this language; it changes with their content."""
    return url_for("requests.dashboard.parts", version=_version(language), language=language)


@functools.cache
def _script(language: str) -> str:
    context = {"blank_cards": cards.BLANK_CARDS, "max_requests": actors.MAX_REQUESTS_PER_ACTION}
    with force_locale(language):
        parts = {place: render_template(f"requests/dashboard/{name}", **context) for place, name in PLACES.items()}
    return SCRIPT.format(parts=json.dumps(parts))


@functools.cache
def _version(language: str) -> str:
    return hashlib.sha256(_script(language).encode()).hexdigest()[:12]
