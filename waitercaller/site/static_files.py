"""Static files under addresses that change with their content, so that browsers may keep them for a year."""

import hashlib
from pathlib import Path
from typing import Any

from flask import Flask, Response, current_app, send_from_directory

from waitercaller.web import access

YEAR = 365 * 24 * 3600


def init_app(app: Flask) -> None:
    app.static_folder = "../static"
    folder = Path(str(app.static_folder))
    version = app.extensions["static_version"] = fingerprint(folder)

    def add_version(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == "static":
            values.setdefault("version", version)

    app.url_defaults(add_version)
    app.add_url_rule("/static/<version>/<path:filename>", endpoint="static", view_func=static_file)
    app.add_url_rule("/favicon.ico", endpoint="favicon", view_func=favicon)


def fingerprint(folder: Path) -> str:
    """One short hash over all files: scripts import one another by relative addresses, so they change together."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:12]


@access.anyone
def static_file(version: str, filename: str) -> Response:
    """A file of static/. Any version is answered with the present one: pages outlive a deployment.

    But only the present one may be kept: during a deployment a new page asks an old process for the new version, and
    its answer would stay in browsers and proxies for a year.
    """
    if version != current_app.extensions["static_version"]:
        return send_from_directory(str(current_app.static_folder), filename)
    response = send_from_directory(str(current_app.static_folder), filename, max_age=YEAR)
    response.cache_control.public = True
    response.cache_control.immutable = True
    return response


@access.anyone
def favicon() -> Response:
    """For browsers that ask without reading the page."""
    return send_from_directory(str(current_app.static_folder), "icons/favicon.svg", max_age=YEAR)
