"""The file of a backup: BSON documents, one after the other, in gzip.

    {archive: "waitercaller", version: 1, database, made_at, consistency}
    {collection, options, indexes}      for each collection, followed by its documents in the order of their ids:
    {document: {…}}
    {end: true, collections: {name: {count, sha256}}}

A file that does not end with its end, or whose documents are not those counted there, is damaged. The sums tell damage,
not forgery: who may write the folder of backups may write anything.
"""

import gzip
import hashlib
import os
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

import bson
from bson.codec_options import CodecOptions
from bson.errors import InvalidBSON
from bson.raw_bson import RawBSONDocument

VERSION = 1
RAW = CodecOptions(document_class=RawBSONDocument)  # documents keep their bytes; nothing is lost in a translation


class Damaged(Exception):
    """This file is no backup of ours, or no whole one."""


@dataclass
class Contents:
    """What a sum is made over: the documents of a collection, in the order of their ids."""

    count: int = 0
    _sum: Any = field(default_factory=hashlib.sha256)

    def add(self, document: RawBSONDocument) -> None:
        self.count += 1
        self._sum.update(document.raw)

    def seal(self) -> dict[str, Any]:
        return {"count": self.count, "sha256": self._sum.hexdigest()}


@dataclass(frozen=True)
class Collection:
    """A collection as it was: its options (validators are among them) and its indexes."""

    name: str
    options: dict[str, Any]
    indexes: list[dict[str, Any]]


Entry = Collection | RawBSONDocument


def write(path: Path, header: dict[str, Any], entries: Iterable[Entry]) -> dict[str, Any]:
    """Write a backup that is there as a whole or not at all, for its owner alone; returns its seals by collection."""
    handle, unfinished = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # 0600, as mkstemp makes them
    try:
        with os.fdopen(handle, "wb") as file:
            with gzip.GzipFile(filename="", mode="wb", fileobj=file) as packed:
                packed.write(bson.encode({"archive": "waitercaller", "version": VERSION, **header}))
                seals = _write_entries(cast(IO[bytes], packed), entries)
                packed.write(bson.encode({"end": True, "collections": seals}))
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except BaseException:
        os.unlink(unfinished)
        raise
    return seals


def read(path: Path) -> Iterator[Entry]:
    """The collections of a backup, each followed by its documents. Raises Damaged, at the latest at the end."""
    try:
        with gzip.open(path, "rb") as packed:
            yield from _entries(cast(IO[bytes], packed))
    except (InvalidBSON, EOFError, zlib.error, gzip.BadGzipFile, KeyError, TypeError) as error:
        raise Damaged(f"{path} is damaged: {type(error).__name__}") from error


def header_of(path: Path) -> dict[str, Any]:
    """What the backup says about itself. Raises Damaged."""
    try:
        with gzip.open(path, "rb") as packed:
            first = next(bson.decode_file_iter(cast(IO[bytes], packed), RAW))
            header: dict[str, Any] = bson.decode(first.raw, CodecOptions(tz_aware=True))
    except (InvalidBSON, EOFError, zlib.error, gzip.BadGzipFile, StopIteration) as error:
        raise Damaged(f"{path} is no backup of Waiter Caller") from error
    if (header.get("archive"), header.get("version")) != ("waitercaller", VERSION):
        raise Damaged(f"{path} is no backup of Waiter Caller that this version reads")
    return header


def check(path: Path) -> dict[str, Any]:
    """Read all of it; returns its seals by collection. Raises Damaged."""
    header_of(path)
    seals: dict[str, Contents] = {}
    for entry in read(path):
        if isinstance(entry, Collection):
            current = seals[entry.name] = Contents()
        else:
            current.add(entry)
    return {name: contents.seal() for name, contents in seals.items()}


def _write_entries(packed: IO[bytes], entries: Iterable[Entry]) -> dict[str, Any]:
    contents: dict[str, Contents] = {}
    for entry in entries:
        if isinstance(entry, Collection):
            current = contents[entry.name] = Contents()
            packed.write(bson.encode({"collection": entry.name, "options": entry.options, "indexes": entry.indexes}))
        else:
            current.add(entry)
            packed.write(bson.encode({"document": entry}))
    return {name: each.seal() for name, each in contents.items()}


def _entries(packed: IO[bytes]) -> Iterator[Entry]:
    contents: dict[str, Contents] = {}
    current: Contents | None = None
    found = bson.decode_file_iter(packed, RAW)
    next(found, None)  # the header
    for entry in found:
        if "document" in entry:
            if current is None:
                raise InvalidBSON("a document of no collection")
            current.add(entry["document"])
            yield entry["document"]
        elif "collection" in entry:
            plain = bson.decode(entry.raw)
            current = contents[plain["collection"]] = Contents()
            yield Collection(plain["collection"], plain["options"], plain["indexes"])
        else:
            _check_end(bson.decode(entry.raw), contents)
            if packed.read(1):
                raise InvalidBSON("something follows the end")
            return
    raise EOFError("no end")


def _check_end(end: dict[str, Any], contents: dict[str, Contents]) -> None:
    if end["collections"] != {name: each.seal() for name, each in contents.items()}:
        raise InvalidBSON("the documents are not those that were written")
