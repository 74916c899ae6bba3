"""What a restore loses: what the present database has and the backup has not."""

from collections.abc import Iterator
from typing import Any

from pymongo.database import Database
from pymongo.errors import PyMongoError

from waitercaller.db.client import Document

LOGINS = (
    "Logins that ended since then are good again: waitercaller end-logins --all ends them. Passwords, addresses and "
    "second factors are those of then."
)


def sentences(present: Database[Document], restored: Database[Document]) -> list[str]:
    """What was made since the backup and will be gone, for the operator; needs the client without a time limit."""
    try:
        return list(_losses(present, restored))
    except PyMongoError as error:
        return [f"What was made since the backup is not known: {present.name} cannot be read ({type(error).__name__})."]


def _losses(present: Database[Document], restored: Database[Document]) -> Iterator[str]:
    people = _ids(present, "users") - _ids(restored, "users")
    if people:
        yield f"Accounts made since the backup, which will be gone: {len(people)}."
    names = {each["_id"]: each["name"] for each in _all(present, "restaurants") if not each.get("removed_at")}
    new = sorted(names[each] for each in names.keys() - _ids(restored, "restaurants"))
    if new:
        yield f"Restaurants made since the backup, which will be gone: {', '.join(new)}."
    for restaurant_id, tables in sorted(_dead_cards(present, restored).items()):
        if restaurant_id in names:
            yield f"Cards of {names[restaurant_id]} that will open no table; print them again: {', '.join(tables)}."


def _dead_cards(present: Database[Document], restored: Database[Document]) -> dict[Any, list[str]]:
    """The tables, by restaurant, whose present code the backup does not know."""
    known = {each["code"] for each in _tables(restored)}
    dead: dict[Any, list[str]] = {}
    for table in sorted(_tables(present), key=lambda each: (each["position"], each["name"])):
        if table["code"] not in known:
            dead.setdefault(table["restaurant_id"], []).append(table["name"])
    return dead


def _tables(database: Database[Document]) -> list[Document]:
    return [each for each in _all(database, "tables") if each["removed_at"] is None]


def _ids(database: Database[Document], collection: str) -> set[Any]:
    return {each["_id"] for each in _all(database, collection)}


def _all(database: Database[Document], collection: str) -> Iterator[Document]:
    yield from database[collection].find({}).sort("_id")
