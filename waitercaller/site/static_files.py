"""Static files under URLs that change with their content, so that browsers can cache them for a year."""

import functools
import hashlib
from pathlib import Path
from typing import Any

from flask import Flask, Response, current_app, send_from_directory

from waitercaller.web import access, caching
from waitercaller.web.routing import path_for


def init_app(app: Flask) -> None:
    app.static_folder = "../static"
    folder = Path(str(app.static_folder))
    version = app.extensions["static_version"] = fingerprint(folder)

    def add_version(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == "static":
            values.setdefault("version", version)

    @functools.cache
    def static_url(filename: str) -> str:
        """The path of a file, built once in each process: a guest's page has a dozen."""
        return path_for("static", filename=filename)

    app.jinja_env.globals["static_url"] = static_url
    app.url_defaults(add_version)
    app.add_url_rule("/static/<version>/<path:filename>", endpoint="static", view_func=static_file)
    app.add_url_rule("/favicon.ico", endpoint="favicon", view_func=favicon)


def fingerprint(folder: Path) -> str:
    """A short hash over all files: scripts import each other by relative URLs, so all change together."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:12]


@access.anyone
def static_file(version: str, filename: str) -> Response:
    """A file of static/. Any version gets the current file: pages stay open during a deployment.

    Only the current version is cacheable: during a deployment an old process can be asked for the new version, and its
    response would stay in browsers and proxies for a year.
    """
    if version != current_app.extensions["static_version"]:
        return send_from_directory(str(current_app.static_folder), filename)
    file = send_from_directory(str(current_app.static_folder), filename, max_age=caching.MAX_AGE_SECONDS)
    return caching.for_a_year(file)


@access.anyone
def favicon() -> Response:
    """The icon for browsers that request /favicon.ico without a link to it."""
    return send_from_directory(str(current_app.static_folder), "icons/favicon.svg", max_age=caching.MAX_AGE_SECONDS)
