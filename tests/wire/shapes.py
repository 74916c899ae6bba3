"""The shape of a command: what it asks for without the values, in one line that can be read and compared.

`restaurant_id, state $in` is a filter by two paths, the first by equality, in the order in which they are sent: of
several clauses the embedded server takes the first that has an index. Parts of a path that differ from document to
document are `*`. An update is written as its filter and, after a colon, its operators; an aggregation as its stages.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

ANY = "*"  # stands for the collection of a command that is alike for all of them
OF_ANY_COLLECTION = {"create", "collMod", "createIndexes", "listIndexes", "listCollections", "drop", "dropIndexes",
                     "dropDatabase", "getMore"}  # fmt: skip
# The driver's own, which no line of the application asks for.
OF_THE_DRIVER = {"hello", "killCursors", "endSessions", "commitTransaction", "abortTransaction"}
_VARIABLE = re.compile(r"\d+|(?=\w*\d)[\w-]{12,}")  # numbers, and names that were drawn


def shape_of(name: str, command: Mapping[str, Any]) -> tuple[str, str] | None:
    """The collection and the shape of this command; None for what the driver sends by itself."""
    if name in OF_THE_DRIVER or name not in command:  # without its content: of a login
        return None
    collection = command[name]
    counts_all = name == "count" and not command.get("query")
    if name in OF_ANY_COLLECTION or counts_all or not isinstance(collection, str):
        return ANY, name + (" $changeStream" if _watches(command) else "")
    match name:
        case "find" | "count" | "distinct":
            asked = [name, str(command.get("key", "")), condition(command.get("filter") or command.get("query") or {})]
            return collection, " ".join(part for part in (*asked, _order(command)) if part)
        case "aggregate":
            return collection, " ".join([name, *map(_stage, command["pipeline"])])
        case "update":
            return collection, "; ".join(sorted({_update(each) for each in command["updates"]}))
        case "delete":
            return collection, "; ".join(sorted({_delete(each) for each in command["deletes"]}))
        case _:
            return collection, name


def condition(given: Mapping[str, Any]) -> str:
    """A filter: its paths with their operators."""
    return ", ".join(dict.fromkeys(_path(path, value) for path, value in given.items()))


def _path(path: str, value: Any) -> str:
    if path in ("$or", "$and", "$nor"):
        return f"{path}({' | '.join(sorted({condition(each) for each in value}))})"
    if path.startswith("$"):
        return path
    plain = ".".join("*" if _VARIABLE.fullmatch(part) else part for part in path.split("."))
    if isinstance(value, Mapping) and any(str(key).startswith("$") for key in value):
        return " ".join([plain, *(_operator(key, value[key]) for key in sorted(value))])
    return plain


def _operator(name: str, value: Any) -> str:
    if name == "$elemMatch":
        return f"{name}({condition(value)})"
    if name == "$not" and isinstance(value, Mapping):
        return f"{name}({' '.join(_operator(key, value[key]) for key in sorted(value))})"
    return name


def _order(command: Mapping[str, Any]) -> str:
    by = [path if direction == 1 else f"-{path}" for path, direction in (command.get("sort") or {}).items()]
    parts = [f"sort {', '.join(by)}"] if by else []
    return " ".join(parts + [option for option in ("limit", "skip", "hint") if command.get(option)])


def _stage(stage: Mapping[str, Any]) -> str:
    (name,) = stage
    return f"{name}({condition(stage[name])})" if name == "$match" else name


def _update(statement: Mapping[str, Any]) -> str:
    update = statement["u"]
    if isinstance(update, Sequence):
        operators = [f"[{' '.join(_stage(each) for each in update)}]"]
    else:
        operators = sorted(key for key in update if key.startswith("$")) or ["replace"]
    verb = "update many" if statement.get("multi") else "update"
    options = [option for option in ("upsert", "arrayFilters") if statement.get(option)]
    return " ".join([verb, f"{condition(statement['q'])}:", *operators, *options])


def _delete(statement: Mapping[str, Any]) -> str:
    verb = "delete" if statement.get("limit") else "delete many"
    return f"{verb} {condition(statement['q'])}"


def _watches(command: Mapping[str, Any]) -> bool:
    return any("$changeStream" in stage for stage in command.get("pipeline", ()))
