"""Backup and restore of the whole database in one file, without MongoDB's tools.

Consistency of a backup: on a MongoDB replica set it is a snapshot of one point in time (snapshot session). On a server
without snapshots each document is as it was at some time during the backup; the header says which.

Safety of a restore: the file is first verified completely, then written to temporary collections and compared there
(documents and indexes), before existing data are replaced.
"""

from collections.abc import Callable, Iterator
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

BATCH_SIZE = 500  # documents per insert
UNFINISHED_PREFIX = "restoring."  # of the temporary collections of a restore
SNAPSHOT_WIRE_VERSION = 13  # MongoDB 5.0, the first with snapshot sessions


class Mismatch(Exception):
    """The restored collections differ from the backup."""


def backup(database: Database[Document], path: Path) -> dict[str, Any]:
    """Write all of `database` to `path`; returns count and checksum by collection. Raises OSError, PyMongoError.

    Like all functions here it needs the client without a time limit (`db.client.patiently`).
    """
    with _snapshot(database) as session:
        header = {
            "database": database.name,
            "made_at": clock.now(),
            "consistency": "snapshot" if session else "documents",
        }
        return archive.write(path, header, _entries(database, session))


def rehearse(path: Path, scratch: Database[Document], look: Callable[[], object] = lambda: None) -> dict[str, Any]:
    """Restore into the database `scratch`, compare, call `look`, and drop it. Raises as `restore`."""
    try:
        checksums = archive.check(path)
        scratch.client.drop_database(scratch.name)
        _restore_finished(path, scratch, checksums, prefix="")
        look()
        return checksums
    finally:
        scratch.client.drop_database(scratch.name)


def restore(path: Path, database: Database[Document]) -> dict[str, Any]:
    """Replace the contents of `database` by the backup. Raises Damaged, Mismatch, OSError, PyMongoError.

    All collections are written and compared under temporary names first, then renamed with their indexes; a failure
    before the first rename leaves the existing data unchanged.
    """
    checksums = archive.check(path)
    _drop_unfinished(database)
    try:
        restored = _restore_finished(path, database, checksums, UNFINISHED_PREFIX)
        for each in restored:
            database[UNFINISHED_PREFIX + each.name].rename(each.name, dropTarget=True)
    finally:
        _drop_unfinished(database)
    for name in set(_names(database)) - {each.name for each in restored}:
        database.drop_collection(name)
    return checksums


def _restore_finished(
    path: Path, database: Database[Document], checksums: dict[str, Any], prefix: str
) -> list[archive.Collection]:
    """Write all collections with this name prefix, and compare documents and indexes."""
    collections = _fill(path, database, prefix)
    _compare_documents(database, checksums, prefix)
    # After the comparison of documents, because a TTL index would delete expired ones.
    for each in collections:
        _build_indexes(database, each, prefix)
    _compare_indexes(database, collections, prefix)
    return collections


def _drop_unfinished(database: Database[Document]) -> None:
    """Drop the temporary collections of an interrupted restore."""
    for name in database.list_collection_names():
        if name.startswith(UNFINISHED_PREFIX):
            database.drop_collection(name)


def _names(database: Database[Document]) -> list[str]:
    """The names of the collections, without system collections and views."""
    found = database.list_collections()
    return sorted(i["name"] for i in found if i["type"] == "collection" and not i["name"].startswith("system."))


def _entries(database: Database[Document], txn: ClientSession | None) -> Iterator[archive.Entry]:
    for name in _names(database):
        if name.startswith(UNFINISHED_PREFIX):
            continue
        collection = database[name]
        yield archive.Collection(name, dict(collection.options()), _indexes(collection))
        yield from _documents(collection, txn)


def _documents(collection: Collection[Document], txn: ClientSession | None = None) -> Iterator[RawBSONDocument]:
    raw: Collection[Any] = collection.with_options(codec_options=archive.RAW)
    yield from raw.find({}, session=txn).sort("_id")


def _indexes(collection: Collection[Document]) -> list[Document]:
    """The index specifications, sorted by name, without the legacy key `ns`."""
    found = [dict(index) for index in collection.list_indexes()]
    return sorted(({k: v for k, v in index.items() if k != "ns"} for index in found), key=lambda each: each["name"])


@contextmanager
def _snapshot(database: Database[Document]) -> Iterator[ClientSession | None]:
    """A snapshot session; None if the server does not support it according to `hello`.

    If a supporting server fails (SnapshotTooOld, SnapshotUnavailable), the backup fails.
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
        if len(batch) == BATCH_SIZE or (batch and isinstance(entry, archive.Collection)):
            _insert(database[prefix + collections[-1].name], batch)
        if isinstance(entry, archive.Collection):
            try:
                database.create_collection(prefix + entry.name, **entry.options)
            except (TypeError, ValueError) as error:  # of options that the driver takes for its own arguments
                raise archive.Damaged(f"{path} is damaged: the options of {entry.name}") from error
            collections.append(entry)
        else:
            batch.append(entry)
    if batch:
        _insert(database[prefix + collections[-1].name], batch)
    return collections


def _insert(collection: Collection[Document], batch: list[Any]) -> None:
    # Validators may be stricter than when some documents were written.
    collection.insert_many(batch, bypass_document_validation=True)
    batch.clear()


def _build_indexes(database: Database[Document], collection: archive.Collection, prefix: str) -> None:
    wanted = [index for index in collection.indexes if index["name"] != "_id_"]
    if wanted:
        database.command("createIndexes", prefix + collection.name, indexes=wanted, commitQuorum="majority")


def _compare_documents(database: Database[Document], checksums: dict[str, Any], prefix: str) -> None:
    for name, checksum in checksums.items():
        sums = archive.Checksum()
        for document in _documents(database[prefix + name]):
            sums.add(document)
        if sums.result() != checksum:
            raise Mismatch(f"{name}: {sums.count} documents were written, {checksum['count']} are in the backup")


def _compare_indexes(database: Database[Document], collections: list[archive.Collection], prefix: str) -> None:
    for each in collections:
        if _indexes(database[prefix + each.name]) != each.indexes:
            raise Mismatch(f"{each.name}: its indexes are not those in the backup")
