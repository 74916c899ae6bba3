"""The database: which it is, what it keeps, and whether its clock is ours."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pymongo
from bson import ObjectId
from pymongo.errors import OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern

from config import Config
from waitercaller.db import clock, schema
from waitercaller.db.client import db
from waitercaller.ops.doctor.finding import Finding, bad, good

PATIENCE = 5.0  # seconds for each question
OLDEST_VERSION = (7, 0)
CLOCK_OFF = timedelta(seconds=1)

REACH = (
    "Is mongod running (systemctl status mongod) and does MONGODB_URI name its host, user and password? "
    "From another machine: does its bindIp name the private address, and does the firewall let this machine in?"
)
REPLICA_SET = (
    "Changes are heard and written together only on a replica set, one node is enough: replication.replSetName "
    "in mongod.conf, then rs.initiate() in mongosh. See deploy/mongodb/."
)
RIGHTS = "Give the user the rights that deploy/mongodb/users.js gives."


def answers(_config: Config) -> Iterator[Finding]:
    """It is reached, and lets us in."""
    try:
        with pymongo.timeout(PATIENCE):
            db().command("ping")
            db().list_collection_names()
    except OperationFailure as error:
        yield bad(f"The database answers, but refuses: {_words(error)}.", RIGHTS)
    except PyMongoError as error:
        yield bad(f"The database does not answer: {_words(error)}.", REACH)
    else:
        yield good("The database answers.")


def version(_config: Config) -> Iterator[Finding]:
    """What transactions and change streams were tried with."""
    if (info := _ask("buildInfo")) is None:
        return
    if tuple(info["versionArray"][:2]) < OLDEST_VERSION:
        yield bad(f"MongoDB is {info['version']}.", "Upgrade it to 7.0 or newer, one major version after the other.")
    else:
        yield good(f"MongoDB is {info['version']}.")


def replica_set(_config: Config) -> Iterator[Finding]:
    """It is one, or mongos in front of several."""
    if (hello := _ask("hello")) is None:
        return
    if hello.get("msg") == "isdbgrid":
        yield good("The database is a sharded cluster.")
    elif name := hello.get("setName"):
        yield good(f"The database is the replica set {name}; members: {len(hello.get('hosts', []))}.")
    else:
        yield bad("The database is a single server, not a replica set.", REPLICA_SET)


def indexes(_config: Config) -> Iterator[Finding]:
    """Those that carry our rules."""
    try:
        with pymongo.timeout(PATIENCE):
            missing = schema.missing_indexes(db())
    except PyMongoError:
        return  # that it does not answer has been said
    if missing:
        yield bad(f"Indexes are missing: {', '.join(missing)}.", "flask build-database makes them.")
    else:
        yield good("All indexes are there.")


def majority(_config: Config) -> Iterator[Finding]:
    """A write that most members have on disk, read back as such."""
    name = f"doctor:{ObjectId()}"
    try:
        with pymongo.timeout(PATIENCE):
            # In a collection whose documents expire by themselves, should we be ended in between.
            db().limits.insert_one({"_id": name, "count": 0, "expires_at": clock.now()})
            found = db().limits.with_options(read_concern=ReadConcern("majority")).find_one({"_id": name})
            db().limits.delete_one({"_id": name})
    except PyMongoError as error:
        yield bad(
            f"A write was not confirmed by a majority: {_words(error)}.",
            "Are most members of the replica set up (rs.status() in mongosh), and is there room on their disks? "
            + RIGHTS,
        )
    else:
        if found is None:  # it may have expired just then: only the sweep of that very minute does that
            yield bad("A write could not be read back.", "Try again; if it stays so, look at rs.status() in mongosh.")
        else:
            yield good("Writes are confirmed by a majority, and read back.")


def changes(_config: Config) -> Iterator[Finding]:
    """They can be heard: without them nothing is live."""
    try:
        with pymongo.timeout(PATIENCE), db().watch(max_await_time_ms=100) as stream:
            stream.try_next()
    except PyMongoError as error:
        yield bad(f"Changes cannot be heard: {_words(error)}.", f"{REPLICA_SET} {RIGHTS}")
    else:
        yield good("Changes of the database are heard.")


def clocks(_config: Config) -> Iterator[Finding]:
    """This machine's clock and the database's."""
    try:
        with pymongo.timeout(PATIENCE):
            offset = clock.synchronise(db())
    except PyMongoError:
        return
    words = f"This machine's clock is {abs(offset.total_seconds()):.2f} s off the database's."
    if abs(offset) > CLOCK_OFF:
        yield bad(words, "Let both follow a time server: timedatectl set-ntp true; then timedatectl timesync-status.")
    else:
        yield good(words)


def _ask(command: str) -> dict[str, Any] | None:
    """The answer to an administrator's question; None when there is none, which has been said."""
    try:
        with pymongo.timeout(PATIENCE):
            return db().client.admin.command(command)
    except PyMongoError:
        return None


def _words(error: PyMongoError) -> str:
    """The first sentence: what follows describes every member of the set."""
    return f"{type(error).__name__}: {str(error).partition(', full error')[0].partition(', Timeout:')[0]}"
