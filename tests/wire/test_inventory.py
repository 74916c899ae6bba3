"""The shapes of commands, and the list of those that the application sends."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from bson import ObjectId
from flask import Flask

from tests.support import ROOT
from tests.wire import inventory, plugin
from tests.wire.shapes import shape_of
from waitercaller.model import users


@pytest.mark.parametrize(
    ("command", "shape"),
    [
        ({"find": "a", "filter": {"b": 1, "c": {"$gte": 1, "$lt": 2}}}, "find b, c $gte $lt"),
        ({"find": "a", "filter": {"c": 1, "_id": {"$in": []}}}, "find c, _id $in"),
        ({"find": "a", "filter": {}, "sort": {"b": 1, "c": -1}, "limit": 1}, "find sort b, -c limit"),
        ({"find": "a", "filter": {"$or": [{"b": 1, "c": 1}, {"b": 2}]}}, "find $or(b | b, c)"),
        ({"find": "a", "filter": {"b": {"$elemMatch": {"c": {"$ne": 1}, "d": 1}}}}, "find b $elemMatch(c $ne, d)"),
        ({"find": "a", "filter": {"b.0.c": 1, "d.6b0786f7247d94299c206bf9": 1}}, "find b.*.c, d.*"),
        ({"aggregate": "a", "pipeline": [{"$match": {"b": 1}}, {"$group": {}}]}, "aggregate $match(b) $group"),
        ({"update": "a", "updates": [{"q": {"b": 1}, "u": {"$set": {}, "$inc": {}}}]}, "update b: $inc $set"),
        ({"update": "a", "updates": [{"q": {"b": 1}, "u": {"c": 1}, "upsert": True}]}, "update b: replace upsert"),
        ({"update": "a", "updates": [{"q": {}, "u": [{"$set": {}}], "multi": True}]}, "update many : [$set]"),
        ({"delete": "a", "deletes": [{"q": {"b": 1}, "limit": 0}]}, "delete many b"),
        ({"insert": "a", "documents": [{"b": 1}]}, "insert"),
    ],
    ids=str,
)
def test_a_shape_says_what_is_asked_and_no_value(command: dict[str, Any], shape: str) -> None:
    assert shape_of(next(iter(command)), command) == ("a", shape)


def test_definitions_are_alike_for_all_collections() -> None:
    assert shape_of("createIndexes", {"createIndexes": "a", "indexes": []}) == ("*", "createIndexes")
    assert shape_of("count", {"count": "a"}) == ("*", "count")
    assert shape_of("aggregate", {"aggregate": 1, "pipeline": [{"$changeStream": {}}]}) == (
        "*",
        "aggregate $changeStream",
    )
    assert shape_of("endSessions", {"endSessions": []}) is None


@pytest.mark.needs_wire
def test_what_the_application_sends_is_seen_and_what_tests_send_is_not(app: Flask, pytestconfig: pytest.Config) -> None:
    listener = inventory.listener_of(pytestconfig)
    with app.app_context():
        users.get(ObjectId())
        app.extensions["mongo"].database.users.find_one({"nobody asks": 1})
    assert ("users", "find _id limit") in listener.seen
    assert not [shape for _, shape in listener.seen if "nobody asks" in shape]


def test_a_new_shape_is_told_as_the_list_would_say_it() -> None:
    (line,) = inventory.not_reviewed({("users", "find shoe_size"): "waitercaller.model.users:77"})
    assert line == '[users] "find shoe_size" = ""  # waitercaller.model.users:77'


def test_every_entry_says_why_and_is_in_its_place() -> None:
    tables = tomllib.loads(inventory.LIST.read_text(encoding="utf-8"))
    assert list(tables) == sorted(tables)
    for shapes in tables.values():
        assert list(shapes) == sorted(shapes)
        assert [shape for shape, why in shapes.items() if not why.strip()] == []


# --- entries that nothing sends ---------------------------------------------------------------------------------------

OF_A_RUN = {
    "inventory.toml": """
[users]
"find email" = "sent"
"insert" = "sent"
"update email: $set" = "not sent"
""",
    "pyproject.toml": '[tool.pytest.ini_options]\ntestpaths = ["."]\n',
    "conftest.py": """
from pathlib import Path
from types import SimpleNamespace
from tests.wire import inventory, plugin

pytest_plugins = ["tests.wire.plugin"]
inventory.LIST = Path(__file__).with_name("inventory.toml")

def pytest_addoption(parser):
    parser.addoption("--quick", action="store_true")
    parser.addoption("--engines", default="all")
""",
    "test_two.py": """
from tests.wire import inventory, plugin

def test_one(pytestconfig):
    inventory.listener_of(pytestconfig).seen[("users", "find email")] = "waitercaller.model.users:1"

def test_other(pytestconfig):
    inventory.listener_of(pytestconfig).seen[("users", "insert")] = "waitercaller.model.users:2"
""",
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "status"),
    [
        (["-n", "2"], pytest.ExitCode.TESTS_FAILED),
        (["-n", "0", "-k", "test_o"], pytest.ExitCode.OK),
    ],
    ids=["a whole run in two workers", "a selection"],
)
def test_an_entry_that_nothing_sends_fails_a_whole_run(
    tmp_path: Path, options: list[str], status: pytest.ExitCode
) -> None:
    """Each of the two workers sees another shape; a run of some tests says nothing of the entries."""
    for name, content in OF_A_RUN.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", *options]
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    environ["PYTHONPATH"] = str(ROOT)
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    if status is pytest.ExitCode.TESTS_FAILED:
        assert "inventory.toml: no test sends [users] update email: $set" in done.stdout
    assert done.stdout.count("no test sends") == (status is pytest.ExitCode.TESTS_FAILED)


def test_a_list_of_all_tests_is_no_whole_run(pytestconfig: pytest.Config) -> None:
    """`--collect-only`, which CONTRIBUTING.md names."""
    chosen = dict.fromkeys(("keyword", "markexpr", "deselect", "ignore", "lf", "quick", "engines", "collectonly"))
    whole = SimpleNamespace(option=SimpleNamespace(**chosen), args_source=pytest.Config.ArgsSource.TESTPATHS)
    assert plugin._is_whole(whole)  # type: ignore[arg-type]
    whole.option.collectonly = True
    assert not plugin._is_whole(whole)  # type: ignore[arg-type]
