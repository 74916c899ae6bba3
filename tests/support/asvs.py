"""Helpers of the OWASP ASVS tests: the sources as syntax trees, the path of every route, hidden form fields."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bson import ObjectId
from flask import Flask
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from tests.support import ROOT
from tests.support.cast import Person
from waitercaller.db.client import Document
from waitercaller.model.tables import Table

UNKNOWN_CODE = "A" * 26
SCRIPT = "<script>alert(1)</script>"


def sources(local: bool = False) -> Iterator[tuple[Path, ast.Module]]:
    """The application's modules, parsed; with `local` those of the local run, too."""
    for path in [ROOT / "config.py", ROOT / "wsgi.py", *sorted((ROOT / "waitercaller").rglob("*.py"))]:
        if local or not (path.parent.name == "local" or path.name in ("__main__.py", "demo.py")):
            yield path, ast.parse(path.read_text())


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Every function call below `tree` with its dotted name, such as `re.compile`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def imports(tree: ast.AST) -> Iterator[str]:
    """The names of all modules that are imported below `tree`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def texts(folder: str, *patterns: str) -> dict[str, str]:
    """The matching files below `folder`, by path, without third-party files (static/vendor)."""
    found = [path for pattern in patterns for path in sorted((ROOT / folder).rglob(pattern))]
    return {path.relative_to(ROOT).as_posix(): path.read_text() for path in found if "vendor" not in path.parts}


def address(app: Flask, rule: Rule, person: Person, table: Table) -> str:
    """The path of a route, for this person's restaurant and this table."""
    known = {
        "restaurant_id": person.restaurant_id,
        "table_id": table["_id"],
        "member_id": person.member_id,
        "kind_id": "waiter",
        "login_id": "0" * 64,
        "name": "0" * 32,
        "key": "0" * 8,
        "code": table["code"],
        "secret": UNKNOWN_CODE,
        "short": table["code"][:10],
        "token": "forged",
        "version": "0",
        "filename": "css/tokens.css",
        "language": "en",
    }
    values = {name: known.get(name, ObjectId() if "objectid:" in rule.rule else "x") for name in rule.arguments}
    return app.url_map.bind("localhost").build(rule.endpoint, values)


def routes(app: Flask, method: str) -> list[Rule]:
    """The routes that accept this method."""
    return [rule for rule in app.url_map.iter_rules() if method in (rule.methods or set())]


def everything(app: Flask) -> dict[str, list[Document]]:
    """All documents, except the time of last use of logins and the pending TOTP secret of a setup page."""
    database, but = app.extensions["mongo"].database, {"seen_at": 0, "two_factor_offer": 0}
    return {name: list(database[name].find({}, but)) for name in sorted(database.list_collection_names())}


def hidden_fields(page: str) -> dict[str, str]:
    """The hidden fields of a page's forms."""
    return dict(re.findall(r'<input[^>]*type="hidden" name="(\w+)" value="([^"]*)"', page))


def call_waiter(client: Any, table: Table, kind: str = "waiter") -> TestResponse:
    """A guest opens the table's page and calls."""
    page = client.get(f"/t/{table['code']}").text
    answer: TestResponse = client.post(f"/t/{table['code']}/call", data={**hidden_fields(page), "kind": kind})
    return answer
