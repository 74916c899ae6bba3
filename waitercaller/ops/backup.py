"""Backups where MongoDB's own tools are not at hand: the whole database into one file, and back.

What a backup guarantees: on a replica set of MongoDB all of it is of one moment (a snapshot session). A server that
knows no snapshots gives each document as it was at some moment while the backup ran; its header then says so.

What a restore guarantees: nothing is touched before the file has been read to its end and found whole, and before
everything in it has been written to a database beside the present one and compared there, documents and indexes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pymongo
from bson.raw_bson import RawBSONDocument
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import ConfigurationError, OperationFailure

from waitercaller.db import clock
from waitercaller.db.client import Document
from waitercaller.ops import archive

BATCH = 500  # documents in one insert


class Mismatch(Exception):
    """What was written to a database is not what is in the backup."""


def backup(database: Database[Document], path: Path) -> dict[str, Any]:
    """Write all of `database` to `path`; returns counts and sums by collection. Raises OSError, PyMongoError."""
    with pymongo.timeout(None), _snapshot(database) as session:
        header = {
            "database": database.name,
            "made_at": clock.now(),
            "consistency": "snapshot" if session else "documents",
        }
        return archive.write(path, header, _entries(database, session))


def restore(path: Path, database: Database[Document]) -> dict[str, Any]:
    """Let `database` hold what `path` holds and nothing else. Raises Damaged, Mismatch, OSError, PyMongoError.

    For the present database only after `rehearse`: this empties it first.
    """
    seals = archive.check(path)
    with pymongo.timeout(None):
        for name in database.list_collection_names():
            database.drop_collection(name)
        collections = _fill(path, database)
        _compare_documents(database, seals)
        # Only now: an index that lets documents expire would take them away before they are counted.
        for each in collections:
            _build_indexes(database, each)
        _compare_indexes(database, collections)
    return seals


def rehearse(path: Path, beside: Database[Document]) -> dict[str, Any]:
    """Restore to a database that is not needed otherwise, compare, and remove it again. Raises as `restore`."""
    try:
        return restore(path, beside)
    finally:
        with pymongo.timeout(None):
            beside.client.drop_database(beside.name)


def _entries(database: Database[Document], txn: ClientSession | None) -> Iterator[archive.Entry]:
    for info in sorted(database.list_collections(), key=lambda each: str(each["name"])):
        if info["type"] != "collection" or info["name"].startswith("system."):
            continue
        collection = database[info["name"]]
        yield archive.Collection(collection.name, dict(info["options"]), _indexes(collection))
        yield from _documents(collection, txn)


def _documents(collection: Collection[Document], txn: ClientSession | None = None) -> Iterator[RawBSONDocument]:
    raw: Collection[Any] = collection.with_options(codec_options=archive.RAW)
    yield from raw.find({}, session=txn).sort("_id")


def _indexes(collection: Collection[Document]) -> list[Document]:
    """As they were ordered, without what a server adds to its answer."""
    found = [dict(index) for index in collection.list_indexes()]
    return sorted(({k: v for k, v in index.items() if k != "ns"} for index in found), key=lambda each: each["name"])


@contextmanager
def _snapshot(database: Database[Document]) -> Iterator[ClientSession | None]:
    """A session whose every read is of one moment; None where the server knows no such."""
    try:
        with database.client.start_session(snapshot=True) as session:
            database.users.find_one({}, session=session)
            supported = True
    except (ConfigurationError, OperationFailure):
        supported = False
    if not supported:
        yield None
        return
    with database.client.start_session(snapshot=True) as session:
        yield session


def _fill(path: Path, database: Database[Document]) -> list[archive.Collection]:
    collections: list[archive.Collection] = []
    batch: list[Any] = []
    for entry in archive.read(path):
        if len(batch) == BATCH or (batch and isinstance(entry, archive.Collection)):
            _insert(database, collections[-1], batch)
        if isinstance(entry, archive.Collection):
            database.create_collection(entry.name, **entry.options)
            collections.append(entry)
        else:
            batch.append(entry)
    if batch:
        _insert(database, collections[-1], batch)
    return collections


def _insert(database: Database[Document], collection: archive.Collection, batch: list[Any]) -> None:
    # Rules may have become stricter after some of these were written; they are kept as they were.
    database[collection.name].insert_many(batch, bypass_document_validation=True)
    batch.clear()


def _build_indexes(database: Database[Document], collection: archive.Collection) -> None:
    wanted = [index for index in collection.indexes if index["name"] != "_id_"]
    if wanted:
        database.command("createIndexes", collection.name, indexes=wanted)


def _compare_documents(database: Database[Document], seals: dict[str, Any]) -> None:
    for name, seal in seals.items():
        contents = archive.Contents()
        for document in _documents(database[name]):
            contents.add(document)
        if contents.seal() != seal:
            raise Mismatch(f"{name}: {contents.count} documents were written, {seal['count']} are in the backup")


def _compare_indexes(database: Database[Document], collections: list[archive.Collection]) -> None:
    for each in collections:
        if _indexes(database[each.name]) != each.indexes:
            raise Mismatch(f"{each.name}: its indexes are not those in the backup")
