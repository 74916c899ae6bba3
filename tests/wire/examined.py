"""How many documents the embedded server examines for a shape of the inventory.

`documents` makes what the validators allow; `example` gives a shape values of such a document; `examined` asks the
server's `explain`. For a filter of which only one clause has an index, explain says COLLSCAN where the server reads what
the first such clause finds (`_try_index_id_keys` in secantus/storage.py), so then the clauses are explained one by one.
"""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

from bson import ObjectId
from pymongo.database import Database

from tests.wire.protocol import Document

_random = Random(1)
_PART = re.compile(r"[^\s()]+(?:\([^()]*(?:\([^()]*\)[^()]*)*\))?")


# --- documents ------------------------------------------------------------------------------------------------------


def document(schema: Document, now: datetime) -> Any:
    """What this $jsonSchema allows, with values of its own wherever they may differ; times are of the last 200 days."""
    if "enum" in schema:
        return _random.choice(schema["enum"])
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return document(schema[several][0], now)
    kind = schema.get("bsonType", "string")
    match kind if isinstance(kind, str) else kind[0]:
        case "object":
            return {name: document(rule, now) for name, rule in schema.get("properties", {}).items()}
        case "array":
            return [document(schema.get("items", {}), now)]
        case "objectId":
            return ObjectId()
        case "date":
            return now - timedelta(seconds=_random.randrange(200 * 24 * 3600))
        case "bool":
            return False
        case "int" | "long" | "double" | "number":
            return schema.get("minimum", 1)
        case "null":
            return None
        case _:
            return f"{_random.getrandbits(80):020x}"


# --- filters ----------------------------------------------------------------------------------------------------------


def example(condition: str, sample: Document, now: datetime) -> Document:
    """A filter of this shape that is about `sample`."""
    filters: Document = {}
    for part in _split(condition, ", "):
        path, *operators = _PART.findall(part)
        if path.startswith("$"):
            name, inner = _call(path)
            filters[name] = [example(each, sample, now) for each in _split(inner, " | ")]
        else:
            path = path.replace("*", "0")
            filters[path] = _value(path, operators, _at(sample, path), now)
    return filters


def _value(path: str, operators: list[str], value: Any, now: datetime) -> Any:
    if not operators:
        return value
    names = [_call(operator)[0] for operator in operators]
    return {name: _operand(operator, names, value, now) for name, operator in zip(names, operators, strict=True)}


def _operand(operator: str, names: list[str], value: Any, now: datetime) -> Any:
    name, inner = _call(operator)
    match name:
        case "$in":
            return [value]
        case "$ne":
            return ObjectId()
        case "$nin":
            return [ObjectId()]
        case "$exists":
            return True
        case "$elemMatch":
            return example(inner, value if isinstance(value, dict) else {}, now)
        case "$not":
            return {each: _operand(each, [each], value, now) for each in inner.split()}
    if isinstance(value, str):
        return ""
    if not isinstance(value, datetime):
        return value
    if len(names) > 1:  # a day
        return now - timedelta(days=10 if name in ("$gt", "$gte") else 9)
    return now - timedelta(minutes=5) if name in ("$gt", "$gte") else now


def _at(value: Any, path: str) -> Any:
    """What lies at this path; of a list, its first element."""
    for part in path.split("."):
        if isinstance(value, list):
            value = value[0] if value else None
        value = value.get(part) if isinstance(value, dict) else None
    return value[0] if isinstance(value, list) and value else value


def _call(text: str) -> tuple[str, str]:
    name, _, inner = text.partition("(")
    return name, inner.removesuffix(")")


def _split(text: str, separator: str) -> Iterator[str]:
    """Split where no bracket is open."""
    depth, begin = 0, 0
    for at, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0 and text.startswith(separator, at):
            yield text[begin:at]
            begin = at + len(separator)
    if text[begin:]:
        yield text[begin:]


# --- explain ----------------------------------------------------------------------------------------------------------


def examined(database: Database[Document], collection: str, asked: Document, total: int) -> int:
    """How many of the collection's `total` documents are read for this filter."""
    if any(path.startswith("$") for path in asked) or not asked:
        return total
    for clauses in ([asked], [{path: asked[path]} for path in asked]):
        for clause in clauses:
            explained = _explain(database, collection, clause)
            if _scans_an_index(explained["queryPlanner"]["winningPlan"]):
                return int(explained["executionStats"]["totalDocsExamined"])
    return total


def _explain(database: Database[Document], collection: str, asked: Document) -> Document:
    find = {"find": collection, "filter": asked}
    return database.command({"explain": find, "verbosity": "executionStats"})


def _scans_an_index(plan: Document) -> bool:
    return plan["stage"] == "IXSCAN" or ("inputStage" in plan and _scans_an_index(plan["inputStage"]))
