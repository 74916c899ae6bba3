"""How many documents the embedded server examines for a shape of the inventory.

`documents` makes what the validators allow; `example` gives a shape values of such a document; `examined` asks the
server's `explain`. For a filter of which only one clause has an index, explain says COLLSCAN where the server reads
what the first such clause finds (`_try_index_id_keys` in its storage.py): then the clauses are explained one by one.
"""

import re
from collections.abc import Callable, Iterator
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
    if "anyOf" in schema and "bsonType" not in schema:
        return document(next(each for each in schema["anyOf"] if each.get("bsonType") != "null"), now)
    match _kind(schema.get("bsonType", "object" if "properties" in schema else "string")):
        case "object":
            return {name: document(rule, now) for name, rule in schema.get("properties", {}).items()}
        case "array":
            return [document(schema.get("items", {}), now)]
        case kind:
            return _SIMPLE.get(kind, _text)(now)


def _kind(given: str | list[str]) -> str:
    """Of several the first that is not null; but a time that may be missing is: it did not come to that."""
    kinds = [given] if isinstance(given, str) else given
    present = next((kind for kind in kinds if kind != "null"), "null")
    return "null" if present == "date" and "null" in kinds else present


def _text(_now: datetime) -> str:
    return f"{_random.getrandbits(80):020x}"


def _past(now: datetime) -> datetime:
    return now - timedelta(seconds=_random.randrange(200 * 24 * 3600))


_SIMPLE: dict[str, Callable[[datetime], Any]] = {
    "objectId": lambda _: ObjectId(),
    "date": _past,
    "bool": lambda _: False,
    "int": lambda _: 1,
    "long": lambda _: 1,
    "double": lambda _: 1.0,
    "null": lambda _: None,
}


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
        case "$in" | "$nin":
            return [value]
        case "$ne":
            return ObjectId()
        case "$exists":
            return True
        case "$size":
            return 1
        case "$elemMatch":
            return example(inner, value if isinstance(value, dict) else {}, now)
        case _:
            return _bound(name, len(names) > 1, value, now)


def _bound(name: str, is_a_day: bool, value: Any, now: datetime) -> Any:
    """Of a range: times of what is new, due ($lte), old ($lt), or of one day; other values as in the sample."""
    if not isinstance(value, datetime):
        return "" if isinstance(value, str) else value
    from_below = name in ("$gt", "$gte")
    if is_a_day:
        return now - timedelta(days=10 if from_below else 9)
    return now - (timedelta(minutes=5) if from_below else timedelta(days=300 if name == "$lt" else 0))


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
            if _scans_an_index(_explain(database, collection, clause, "queryPlanner")["winningPlan"]):
                return int(_explain(database, collection, clause, "executionStats")["totalDocsExamined"])
    return total


def _explain(database: Database[Document], collection: str, asked: Document, verbosity: str) -> Document:
    """The part of explain's answer that has the name of the verbosity."""
    explained: Document = database.command({"explain": {"find": collection, "filter": asked}, "verbosity": verbosity})
    return dict(explained[verbosity])


def _scans_an_index(plan: Document) -> bool:
    return plan["stage"] == "IXSCAN" or ("inputStage" in plan and _scans_an_index(plan["inputStage"]))


def condition_of(shape: str) -> str | None:
    """The filter in a shape of the inventory; None where it has none."""
    for verb in ("find", "update many", "update", "delete many", "delete"):
        if shape.startswith(f"{verb} "):
            return re.split(r": |:$| sort | limit$", shape.removeprefix(verb).strip())[0].removesuffix(" limit")
    found = re.match(r"aggregate \$match\((.*?)\)(?: \$|$)", shape)
    return found[1] if found else None
