"""The contents of a database, for comparison, and to be put back."""

from collections.abc import Callable
from typing import Any

from pymongo.database import Database

from tests.support import databases
from waitercaller.db import cache, schema


def all_of(database: Database[Any]) -> dict[str, Any]:
    """All documents, indexes and options of all collections."""
    return {
        info["name"]: {
            "options": info["options"],
            "documents": list(database[info["name"]].find().sort("_id")),
            "indexes": database[info["name"]].index_information(),
        }
        for info in database.list_collections()
    }


def kept(database: Database[Any]) -> Callable[[], None]:
    """A function that makes the documents what they are now, for this process too."""
    documents = {name: list(database[name].find()) for name in schema.INDEXES}

    def restore() -> None:
        databases.empty(database, schema.INDEXES)
        for name, found in documents.items():
            if found:
                database[name].insert_many(found)
        for each in (cache.restaurants, cache.tables, cache.pauses):
            each.clear()

    return restore
