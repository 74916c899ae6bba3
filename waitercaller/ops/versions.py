"""The versions of what runs here."""

import importlib.metadata
import platform
import tomllib
from pathlib import Path

from waitercaller.db import server

PACKAGES = ("Flask", "gunicorn", "gevent", "PyMongo")
_PROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"


def of_application() -> str:
    """Our own version; pyproject.toml is its only place."""
    return str(tomllib.loads(_PROJECT.read_text("utf-8"))["project"]["version"])


def all_parts() -> list[tuple[str, str]]:
    """Names and versions, ours first. Raises PyMongoError."""
    packages = [(name, importlib.metadata.version(name)) for name in PACKAGES]
    ours = [("Waiter Caller", of_application()), ("Python", platform.python_version()), ("MongoDB", server.version())]
    return [*ours, *packages]
