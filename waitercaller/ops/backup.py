"""Backups where MongoDB's own tools are not at hand: the whole database into one file, and back.

What a backup guarantees: on a replica set of MongoDB all of it is of one moment (a snapshot session). A server that
knows no snapshots gives each document as it was at some moment while the backup ran; its header then says so.

What a restore guarantees: nothing is touched before the file has been read to its end and found whole, and before
everything in it has been written beside it and compared there, documents and indexes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bson.raw_bson import RawBSONDocument
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.database import Database

from waitercaller.db import clock
from waitercaller.db.client import Document
from waitercaller.ops import archive

BATCH = 500  # documents in one insert
UNFINISHED = "restoring."  # begins the names of collections that a restore has not finished
SNAPSHOT_WIRE_VERSION = 13  # of MongoDB 5.0, which reads snapshots


class Mismatch(Exception):
    """What was written to a database is not what is in the backup."""


def backup(database: Database[Document], path: Path) -> dict[str, Any]:
    """Write all of `database` to `path`; returns counts and sums by collection. Raises OSError, PyMongoError.

    As all here, for a database of the patient client (db/client.py): it takes as long as there is data.
    """
    with _snapshot(database) as session:
        header = {
            "database": database.name,
            "made_at": clock.now(),
            "consistency": "snapshot" if session else "documents",
        }
        return archive.write(path, header, _entries(database, session))


def rehearse(path: Path, beside: Database[Document]) -> dict[str, Any]:
    """Restore to a database that is not needed otherwise, compare, and remove it again. Raises as `restore`."""
    try:
        seals = archive.check(path)
        beside.client.drop_database(beside.name)
        _restore_finished(path, beside, seals, prefix="")
        return seals
    finally:
        beside.client.drop_database(beside.name)


def restore(path: Path, database: Database[Document]) -> dict[str, Any]:
    """Let `database` hold what `path` holds and nothing else. Raises Damaged, Mismatch, OSError, PyMongoError.

    All is written and compared under other names first. Only then each finished collection takes its place, with its
    indexes, by a rename; whatever fails before leaves the present documents as they are.
    """
    seals = archive.check(path)
    _drop_unfinished(database)
    try:
        restored = _restore_finished(path, database, seals, UNFINISHED)
        for each in restored:
            database[UNFINISHED + each.name].rename(each.name, dropTarget=True)
    finally:
        _drop_unfinished(database)
    for name in set(_names(database)) - {each.name for each in restored}:
        database.drop_collection(name)
    return seals


def _restore_finished(
    path: Path, database: Database[Document], seals: dict[str, Any], prefix: str
) -> list[archive.Collection]:
    """Write all collections under names with this prefix, and compare documents and indexes."""
    collections = _fill(path, database, prefix)
    _compare_documents(database, seals, prefix)
    # Only now: an index that lets documents expire would take them away before they are counted.
    for each in collections:
        _build_indexes(database, each, prefix)
    _compare_indexes(database, collections, prefix)
    return collections


def _drop_unfinished(database: Database[Document]) -> None:
    """Drop what a restore has left that was broken off."""
    for name in database.list_collection_names():
        if name.startswith(UNFINISHED):
            database.drop_collection(name)


def _names(database: Database[Document]) -> list[str]:
    """The collections of a database, without what belongs to the server."""
    found = database.list_collections()
    return sorted(i["name"] for i in found if i["type"] == "collection" and not i["name"].startswith("system."))


def _entries(database: Database[Document], txn: ClientSession | None) -> Iterator[archive.Entry]:
    for name in _names(database):
        if name.startswith(UNFINISHED):
            continue
        collection = database[name]
        yield archive.Collection(name, dict(collection.options()), _indexes(collection))
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
    """A session whose every read is of one moment; None where the server knows no such, by its own words.

    Where it should and cannot (SnapshotTooOld, SnapshotUnavailable), the backup fails.
    """
    hello = database.client.admin.command("hello")
    is_set = "setName" in hello or hello.get("msg") == "isdbgrid"
    if not is_set or hello["maxWireVersion"] < SNAPSHOT_WIRE_VERSION:
        yield None
        return
    with database.client.start_session(snapshot=True) as session:
        yield session


def _fill(path: Path, database: Database[Document], prefix: str) -> list[archive.Collection]:
    collections: list[archive.Collection] = []
    batch: list[Any] = []
    for entry in archive.read(path):
        if len(batch) == BATCH or (batch and isinstance(entry, archive.Collection)):
            _insert(database[prefix + collections[-1].name], batch)
        if isinstance(entry, archive.Collection):
            database.create_collection(prefix + entry.name, **entry.options)
            collections.append(entry)
        else:
            batch.append(entry)
    if batch:
        _insert(database[prefix + collections[-1].name], batch)
    return collections


def _insert(collection: Collection[Document], batch: list[Any]) -> None:
    # Rules may have become stricter after some of these were written; they are kept as they were.
    collection.insert_many(batch, bypass_document_validation=True)
    batch.clear()


def _build_indexes(database: Database[Document], collection: archive.Collection, prefix: str) -> None:
    wanted = [index for index in collection.indexes if index["name"] != "_id_"]
    if wanted:
        database.command("createIndexes", prefix + collection.name, indexes=wanted, commitQuorum="majority")


def _compare_documents(database: Database[Document], seals: dict[str, Any], prefix: str) -> None:
    for name, seal in seals.items():
        contents = archive.Contents()
        for document in _documents(database[prefix + name]):
            contents.add(document)
        if contents.seal() != seal:
            raise Mismatch(f"{name}: {contents.count} documents were written, {seal['count']} are in the backup")


def _compare_indexes(database: Database[Document], collections: list[archive.Collection], prefix: str) -> None:
    for each in collections:
        if _indexes(database[prefix + each.name]) != each.indexes:
            raise Mismatch(f"{each.name}: its indexes are not those in the backup")
