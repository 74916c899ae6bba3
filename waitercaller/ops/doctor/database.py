"""The database: which it is, what it keeps, and whether its clock is ours."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pymongo
from pymongo.errors import OperationFailure, PyMongoError

from config import Config
from waitercaller.db import clock, schema, server
from waitercaller.db.client import db
from waitercaller.ops.doctor.finding import Finding, bad, good, note

ANSWER_SECONDS = 5.0  # for each question
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
# Who may do one of these anywhere can make itself root.
TOO_MUCH = {"anyAction", "createUser", "grantRole", "createRole", "updateRole", "changePassword", "shutdown"}
OPLOG_WINDOW = timedelta(hours=24)  # a member that was down for longer has to copy everything
RIGHTS = "Give the user the rights that deploy/mongodb/users.js gives."


def answers(_config: Config) -> Iterator[Finding]:
    """It is reached, and lets us in."""
    try:
        with pymongo.timeout(ANSWER_SECONDS):
            server.ping()
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
        with pymongo.timeout(ANSWER_SECONDS):
            missing = schema.missing_indexes(db())
    except PyMongoError:
        return  # that it does not answer has been said
    if missing:
        yield bad(
            f"Indexes are missing, unfinished or not as specified: {', '.join(missing)}.",
            "flask build-database makes them.",
        )
    else:
        yield good("All indexes are there.")


def majority(_config: Config) -> Iterator[Finding]:
    """A write that most members have on disk, read back as such."""
    try:
        with pymongo.timeout(ANSWER_SECONDS):
            is_read_back = server.majority_round_trip()
    except PyMongoError as error:
        yield bad(
            f"A write was not confirmed by a majority: {_words(error)}.",
            "Are most members of the replica set up (rs.status() in mongosh), and is there room on their disks? "
            + RIGHTS,
        )
    else:
        if not is_read_back:  # it may have expired just then: only the sweep of that very minute does that
            yield bad("A write could not be read back.", "Try again; if it stays so, look at rs.status() in mongosh.")
        else:
            yield good("Writes are confirmed by a majority, and read back.")


def changes(_config: Config) -> Iterator[Finding]:
    """They can be heard: without them nothing is live."""
    try:
        with pymongo.timeout(ANSWER_SECONDS):
            server.check_change_stream()
    except PyMongoError as error:
        yield bad(f"Changes cannot be heard: {_words(error)}.", f"{REPLICA_SET} {RIGHTS}")
    else:
        yield good("Changes of the database are heard.")


def rights(_config: Config) -> Iterator[Finding]:
    """Our user's: those of deploy/mongodb/users.js, and none by which one becomes root."""
    try:
        with pymongo.timeout(ANSWER_SECONDS):
            privileges = server.privileges()
    except PyMongoError:
        return  # that it does not answer has been said
    if not privileges:
        yield note("The database asks nobody for a password.", "Switch authorization on: see deploy/mongodb/.")
        return
    too_much = sorted({action for each in privileges for action in each["actions"]} & TOO_MUCH)
    if too_much:
        yield bad(f"The user of MONGODB_URI may also {', '.join(too_much)}.", RIGHTS)
    else:
        yield good("The user of MONGODB_URI may do what it needs, and cannot give itself more.")


def retryable_writes(_config: Config) -> Iterator[Finding]:
    """The driver sends a write again whose answer was lost in an election."""
    if server.is_retrying_writes():
        yield good("Writes are sent again when the primary changes.")
    else:
        yield note("MONGODB_URI says retryWrites=false.", "Leave that out: it is for the embedded database only.")


def oplog(_config: Config) -> Iterator[Finding]:
    """How long a member may be down and still catch up; how far back a change stream can be resumed."""
    try:
        with pymongo.timeout(ANSWER_SECONDS):
            window = server.oplog_window()
    except OperationFailure:
        yield note(
            "How far back the oplog goes is not for our user to read.",
            "rs.printReplicationInfo() in mongosh, as an administrator: it should say more than 24 hours.",
        )
        return
    except PyMongoError:
        return
    if window is not None:
        hours = window.total_seconds() / 3600
        yield good(f"The oplog goes back {hours:.0f} hours; it should hold {OPLOG_WINDOW.days * 24} on a busy day.")


def clocks(_config: Config) -> Iterator[Finding]:
    """This machine's clock and the database's."""
    try:
        with pymongo.timeout(ANSWER_SECONDS):
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
        with pymongo.timeout(ANSWER_SECONDS):
            return server.admin_command(command)
    except PyMongoError:
        return None


def _words(error: PyMongoError) -> str:
    """The first sentence: what follows describes every member of the set."""
    return f"{type(error).__name__}: {str(error).partition(', full error')[0].partition(', Timeout:')[0]}"
