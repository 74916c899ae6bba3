"""docs/data.md is correct: every collection, key, type and index, compared with the schema and the TypedDicts."""

import importlib
import inspect
import json
import pkgutil
import re
import types
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints, is_typeddict

import pytest
from bson import ObjectId
from pymongo.collection import Collection

from waitercaller import hooks, mail, model, push
from waitercaller.db import schema
from waitercaller.db.validators import VALIDATORS
from waitercaller.db.work_queue import WorkQueue

DOCS = Path(__file__).parents[2] / "docs"
SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", (DOCS / "data.md").read_text("utf-8"), re.M | re.S))
COLLECTIONS = sorted(schema.INDEXES)

SCALARS: dict[Any, str] = {
    ObjectId: "ObjectId",
    str: "string",
    datetime: "date",
    int: "int",
    bool: "bool",
    bytes: "binary",
}
BSON_TYPES = {
    "objectId": "ObjectId",
    "string": "string",
    "date": "date",
    "bool": "bool",
    "int": "int",
    "long": "int",
    "binData": "binary",
}


class Key(NamedTuple):
    """A line of a table of keys: `type` as "string or null", whether the key is optional, and its description."""

    type: str
    optional: bool
    meaning: str


def rows(section: str, heading: str) -> list[list[str]]:
    """The cells of the table with this heading."""
    table = re.search(rf"^\| {heading} \|.*\n\|[-|]+\n((?:\|.*\n?)*)", section, re.M)
    assert table, heading
    return [[cell.strip() for cell in line.strip()[1:-1].split("|")] for line in table[1].splitlines()]


def documented(collection: str) -> dict[str, Key]:
    keys = {}
    for name, type_, *meaning in rows(SECTIONS[collection], "key"):
        told = type_.removesuffix(", optional").replace("{language:", "{string:")
        keys[name.strip("`")] = Key(told, type_.endswith(", optional"), " ".join(meaning))
    return keys


# --- the TypedDicts ---------------------------------------------------------------------------------------------------


def typed() -> dict[str, Any]:
    """The TypedDict of each collection: what its work queue says, or the function that returns it as a Collection."""
    found = {}
    rooms = [
        module
        for room in (hooks, mail, model, push)
        for module in pkgutil.walk_packages(room.__path__, f"{room.__name__}.")
    ]
    for module in rooms:
        imported = importlib.import_module(module.name)
        for queue in (each for each in vars(imported).values() if isinstance(each, WorkQueue)):
            (found[queue.collection],) = get_args(vars(queue)["__orig_class__"])
        for _, function in inspect.getmembers(imported, inspect.isfunction):
            returned = get_type_hints(function).get("return") if function.__module__ == module.name else None
            if get_origin(returned) is Collection:
                collection = re.search(r"\bdb\(\)\.(\w+)", inspect.getsource(function))
                assert collection, function
                (found[collection[1]],) = get_args(returned)
    return found


def declared(document: Any, prefix: str = "") -> Iterator[tuple[str, Key]]:
    """The keys of a TypedDict and of those within it; "meaning" are the values that a Literal allows."""
    for name, hint in get_type_hints(document).items():
        told, literals, nested = described(hint)
        yield f"{prefix}{name}", Key(told, name in document.__optional_keys__, " ".join(literals))
        if nested:
            yield from declared(nested, f"{prefix}{name}[]." if told.startswith("[") else f"{prefix}{name}.")


def described(hint: Any) -> tuple[str, list[str], Any]:
    """A type as the page writes it, the values it is limited to, and the TypedDict that it holds."""
    if get_origin(hint) in (Union, types.UnionType):
        parts = [described(part) for part in get_args(hint) if part is not type(None)]
        words = list(dict.fromkeys(told for told, _, _ in parts))
        null = ["null"] if type(None) in get_args(hint) else []
        literals = [value for _, values, _ in parts for value in values]
        return " or ".join([*words, *null]), literals, next((nested for _, _, nested in parts if nested), None)
    if get_origin(hint) is Literal:
        return "string", [str(value) for value in get_args(hint)], None
    if get_origin(hint) is list:
        told, literals, nested = described(get_args(hint)[0])
        return f"[{told}]", literals, nested
    if is_typeddict(hint):
        return "object", [], hint
    if get_origin(hint) is dict:
        value = get_args(hint)[1]
        return ("object" if value is Any else f"{{string: {described(value)[0]}}}"), [], None
    return SCALARS[hint], [], None


# --- the tests ---------------------------------------------------------------------------------------------------


def test_every_collection_has_a_section_and_no_other_has() -> None:
    assert sorted(SECTIONS) == COLLECTIONS == sorted(VALIDATORS)


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_the_indexes_are_as_the_page_says(collection: str) -> None:
    told = {}
    for name, options, *_rule in rows(SECTIONS[collection], "index"):
        keys = {key.split()[0]: -1 if key.endswith("↓") else 1 for key in name.strip("`").split(", ")}
        partial = re.search(r"partial `(.*)`", options)
        ttl = re.search(r"ttl (\d+) (s|days)", options)
        told[json.dumps(keys)] = {
            "unique": "unique" in options,
            "partialFilterExpression": json.loads(partial[1]) if partial else None,
            "expireAfterSeconds": int(ttl[1]) * (86400 if ttl[2] == "days" else 1) if ttl else None,
        }
    assert told == {
        json.dumps(dict(index.document["key"])): {
            "unique": index.document.get("unique", False),
            "partialFilterExpression": index.document.get("partialFilterExpression"),
            "expireAfterSeconds": index.document.get("expireAfterSeconds"),
        }
        for index in schema.INDEXES[collection]
    }


def test_every_collection_has_a_typed_document() -> None:
    assert sorted(typed()) == COLLECTIONS


def test_the_typed_documents_are_as_the_page_says() -> None:
    assert sorted(typed()) == COLLECTIONS
    for collection, document in typed().items():
        told, types_ = documented(collection), dict(declared(document))
        if "_id" not in told:  # an ObjectId, as the page says at its beginning
            assert types_.pop("_id", Key("ObjectId", True, "")).type == "ObjectId", collection
        assert sorted(told) == sorted(types_), collection
        for name, key in types_.items():
            said = told[name]
            assert (key.type, key.optional) == (said.type, said.optional), f"{collection}.{name}"
            assert all(f"`{value}`" in said.meaning for value in key.meaning.split()), f"{collection}.{name}"


def validated(told: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, dict[str, Any], bool]]:
    """The keys that a validator knows: their schema, and whether they must be there."""
    for name, rule in told.get("properties", {}).items():
        yield f"{prefix}{name}", rule, name in told.get("required", [])
        yield from validated(rule, f"{prefix}{name}.")
        yield from validated(rule.get("items", {}), f"{prefix}{name}[].")
    for name in set(told.get("required", [])) - set(told.get("properties", {})):
        yield f"{prefix}{name}", {}, True


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_the_validators_are_as_the_page_says(collection: str) -> None:
    keys = documented(collection)
    for name, rule, required in validated(VALIDATORS[collection]["$jsonSchema"]):
        assert name in keys, name
        assert not (required and keys[name].optional), name
        bson = rule.get("bsonType", [])
        for each in [bson] if isinstance(bson, str) else bson:
            if each in BSON_TYPES:
                assert BSON_TYPES[each] in keys[name].type, name
        assert ("null" in bson) == ("or null" in keys[name].type) or not bson, name
        assert all(f"`{value}`" in keys[name].meaning for value in rule.get("enum", [])), name


def test_the_shard_keys_are_those_of_the_page_about_sharding() -> None:
    sharding = (DOCS / "sharding.md").read_text("utf-8")
    commands = re.findall(r'shardCollection\("waitercaller\.(\w+)", (\{.*?\})\)', sharding)
    assert commands
    told = {name: re.search(r"\*\*Shard key\*\*: `?(\{.*?\})?", text) for name, text in SECTIONS.items()}
    assert all(told.values())
    for name, key in commands:
        match = told[name]
        assert match
        assert match[1] == key, name
