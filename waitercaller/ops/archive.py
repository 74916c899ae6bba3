"""Format of a backup file: a gzip-compressed sequence of BSON documents.

    {archive: "waitercaller", version: 1, database, made_at, consistency}
    {collection, options, indexes}      per collection, followed by its documents in the order of _id:
    {document: {…}}
    {end: true, collections: {name: {count, sha256}}}

A file without the end record, or whose documents do not match its counts and checksums, is damaged; so is one that
holds no collection, or a record that is not of this form. Checksums detect damage, not tampering.
"""

import gzip
import hashlib
import os
import re
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any, cast

import bson
from bson.codec_options import CodecOptions
from bson.errors import InvalidBSON
from bson.raw_bson import RawBSONDocument

VERSION = 1
_NAME = re.compile(r"[\w-][\w.-]{0,99}", re.ASCII)  # of a collection
RAW = CodecOptions(document_class=RawBSONDocument)  # documents are copied byte by byte, without decoding


UNREADABLE = (InvalidBSON, EOFError, zlib.error, gzip.BadGzipFile, KeyError, TypeError, ValueError, AttributeError)


class Damaged(Exception):
    """The file is not a backup of Waiter Caller, or it is damaged."""


@dataclass
class Checksum:
    """Count and SHA-256 of the documents of a collection, in the order of _id."""

    count: int = 0
    _sum: Any = field(default_factory=hashlib.sha256)

    def add(self, document: RawBSONDocument) -> None:
        self.count += 1
        self._sum.update(document.raw)

    def result(self) -> dict[str, Any]:
        return {"count": self.count, "sha256": self._sum.hexdigest()}


@dataclass(frozen=True)
class Collection:
    """A collection with its options (including validators) and indexes."""

    name: str
    options: dict[str, Any]
    indexes: list[dict[str, Any]]


Entry = Collection | RawBSONDocument


def write(path: Path, header: dict[str, Any], entries: Iterable[Entry]) -> dict[str, Any]:
    """Write a backup atomically, with mode 0600; returns count and checksum by collection."""
    handle, unfinished = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp: mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            with gzip.GzipFile(filename="", mode="wb", fileobj=file) as packed:
                packed.write(bson.encode({"archive": "waitercaller", "version": VERSION, **header}))
                checksums = _write_entries(cast(IO[bytes], packed), entries)
                packed.write(bson.encode({"end": True, "collections": checksums}))
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except BaseException:
        os.unlink(unfinished)
        raise
    return checksums


def read(path: Path) -> Iterator[Entry]:
    """Iterate over the collections, each followed by its documents. Raises Damaged, at the latest at the end."""
    try:
        with gzip.open(path, "rb") as packed:
            yield from _entries(cast(IO[bytes], packed))
    except UNREADABLE as error:
        raise Damaged(f"{path} is damaged: {error or type(error).__name__}") from error


def header_of(path: Path) -> dict[str, Any]:
    """The header record. Raises Damaged."""
    try:
        with gzip.open(path, "rb") as packed:
            first = next(bson.decode_file_iter(cast(IO[bytes], packed), RAW))
            header: dict[str, Any] = bson.decode(first.raw, CodecOptions(tz_aware=True))
    except (*UNREADABLE, StopIteration) as error:
        raise Damaged(f"{path} is no backup of Waiter Caller") from error
    if (header.get("archive"), header.get("version")) != ("waitercaller", VERSION):
        raise Damaged(f"{path} is no backup of Waiter Caller that this version reads")
    if not isinstance(header.get("made_at"), datetime) or not isinstance(header.get("consistency"), str):
        raise Damaged(f"{path} is damaged: it does not say when it was made")
    return header


def check(path: Path) -> dict[str, Any]:
    """Read and verify the whole file; returns count and checksum by collection. Raises Damaged."""
    header_of(path)
    checksums: dict[str, Checksum] = {}
    for entry in read(path):
        if isinstance(entry, Collection):
            current = checksums[entry.name] = Checksum()
        else:
            current.add(entry)
    if not checksums:
        raise Damaged(f"{path} is damaged: it holds no collection")
    return {name: sums.result() for name, sums in checksums.items()}


def _write_entries(packed: IO[bytes], entries: Iterable[Entry]) -> dict[str, Any]:
    sums: dict[str, Checksum] = {}
    for entry in entries:
        if isinstance(entry, Collection):
            current = sums[entry.name] = Checksum()
            packed.write(bson.encode({"collection": entry.name, "options": entry.options, "indexes": entry.indexes}))
        else:
            current.add(entry)
            packed.write(bson.encode({"document": entry}))
    return {name: each.result() for name, each in sums.items()}


def _entries(packed: IO[bytes]) -> Iterator[Entry]:
    sums: dict[str, Checksum] = {}
    current: Checksum | None = None
    found = bson.decode_file_iter(packed, RAW)
    next(found, None)  # the header
    for entry in found:
        if "document" in entry:
            if current is None or not isinstance(entry["document"], RawBSONDocument):
                raise InvalidBSON("a document of no collection")
            current.add(entry["document"])
            yield entry["document"]
        elif "collection" in entry:
            collection = _collection(bson.decode(entry.raw))
            if collection.name in sums:
                raise InvalidBSON("a collection comes twice")
            current = sums[collection.name] = Checksum()
            yield collection
        else:
            _check_end(bson.decode(entry.raw), sums)
            if packed.read(1):
                raise InvalidBSON("something follows the end")
            return
    raise EOFError("no end")


def _collection(record: dict[str, Any]) -> Collection:
    """The record of a collection. Raises InvalidBSON where a restore could not use it."""
    name, options, indexes = record["collection"], record["options"], record["indexes"]
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name.startswith("system."):
        raise InvalidBSON("a collection without a proper name")
    if not isinstance(options, dict) or not isinstance(indexes, list):
        raise InvalidBSON(f"the options or indexes of {name}")
    for index in indexes:
        if not isinstance(index, dict) or not isinstance(index.get("name"), str) or not isinstance(index["key"], dict):
            raise InvalidBSON(f"an index of {name}")
    return Collection(name, options, indexes)


def _check_end(end: dict[str, Any], sums: dict[str, Checksum]) -> None:
    if end["collections"] != {name: each.result() for name, each in sums.items()}:
        raise InvalidBSON("the documents are not those that were written")
