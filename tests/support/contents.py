"""The contents of a database, for comparison."""

from typing import Any

from pymongo.database import Database


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
