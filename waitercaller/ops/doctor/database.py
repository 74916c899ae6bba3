"""Checks of the database: connection, version, replica set, indexes, rights, clock."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pymongo
from pymongo.errors import OperationFailure, PyMongoError

from config import Config
from waitercaller.db import clock, schema, server
from waitercaller.db.client import db
from waitercaller.model import upkeep
from waitercaller.ops.doctor.finding import Finding, bad, good, note

TIMEOUT_SECONDS = 5.0  # per check
MIN_VERSION = (7, 0)
MAX_CLOCK_OFFSET = timedelta(seconds=1)

CONNECTION_ADVICE = (
    "Is mongod running (systemctl status mongod) and does MONGODB_URI name its host, user and password? "
    "From another machine: does its bindIp name the private address, and does the firewall let this machine in?"
)
REPLICA_SET_ADVICE = (
    "Changes are heard and written together only on a replica set, one node is enough: replication.replSetName "
    "in mongod.conf, then rs.initiate() in mongosh. See deploy/mongodb/."
)
# With one of these actions a user can grant itself every right, or stop the server.
EXCESSIVE_ACTIONS = {"anyAction", "createUser", "grantRole", "createRole", "updateRole", "changePassword", "shutdown"}
MAX_BACKUP_AGE = timedelta(days=2)
MAX_DRILL_AGE = timedelta(days=120)  # four times a year, says docs/operations.md
MIN_OPLOG_WINDOW = timedelta(hours=24)  # a member that was down for longer needs a full resync
RIGHTS_ADVICE = "Give the user the rights that deploy/mongodb/users.js gives."


def answers(_config: Config) -> Iterator[Finding]:
    """Connection and authentication."""
    try:
        with pymongo.timeout(TIMEOUT_SECONDS):
            server.ping()
    except OperationFailure as error:
        yield bad(f"The database answers, but refuses: {_error_text(error)}.", RIGHTS_ADVICE)
    except PyMongoError as error:
        yield bad(f"The database does not answer: {_error_text(error)}.", CONNECTION_ADVICE)
    else:
        yield good("The database answers.")


def version(_config: Config) -> Iterator[Finding]:
    """The version: transactions and change streams are tested with MIN_VERSION and newer."""
    if (info := _admin_command("buildInfo")) is None:
        return
    if tuple(info["versionArray"][:2]) < MIN_VERSION:
        yield bad(f"MongoDB is {info['version']}.", "Upgrade it to 7.0 or newer, one major version after the other.")
    else:
        yield good(f"MongoDB is {info['version']}.")


def replica_set(_config: Config) -> Iterator[Finding]:
    """Whether the server is a replica set or a sharded cluster."""
    if (hello := _admin_command("hello")) is None:
        return
    if hello.get("msg") == "isdbgrid":
        yield good("The database is a sharded cluster.")
    elif name := hello.get("setName"):
        yield good(f"The database is the replica set {name}; members: {len(hello.get('hosts', []))}.")
    else:
        yield bad("The database is a single server, not a replica set.", REPLICA_SET_ADVICE)


def indexes(_config: Config) -> Iterator[Finding]:
    """Whether all indexes exist as specified."""
    try:
        with pymongo.timeout(TIMEOUT_SECONDS):
            missing = schema.missing_indexes(db())
    except PyMongoError:
        return  # reported by `answers`
    if missing:
        yield bad(
            f"Indexes are missing, unfinished or not as specified: {', '.join(missing)}.",
            "waitercaller build-database makes them.",
        )
    else:
        yield good("All indexes are there.")


def majority(_config: Config) -> Iterator[Finding]:
    """A write and a read with majority concern."""
    try:
        with pymongo.timeout(TIMEOUT_SECONDS):
            is_read_back = server.majority_round_trip()
    except PyMongoError as error:
        yield bad(
            f"A write was not confirmed by a majority: {_error_text(error)}.",
            "Are most members of the replica set up (rs.status() in mongosh), and is there room on their disks? "
            + RIGHTS_ADVICE,
        )
    else:
        if not is_read_back:  # possible if the TTL monitor deleted it in between
            yield bad("A write could not be read back.", "Try again; if it stays so, look at rs.status() in mongosh.")
        else:
            yield good("Writes are confirmed by a majority, and read back.")


def changes(_config: Config) -> Iterator[Finding]:
    """Whether a change stream can be opened."""
    try:
        with pymongo.timeout(TIMEOUT_SECONDS):
            server.check_change_stream()
    except PyMongoError as error:
        yield bad(f"Changes cannot be heard: {_error_text(error)}.", f"{REPLICA_SET_ADVICE} {RIGHTS_ADVICE}")
    else:
        yield good("Changes of the database are heard.")


def rights(_config: Config) -> Iterator[Finding]:
    """Whether the user of MONGODB_URI has no excessive rights; see deploy/mongodb/users.js."""
    try:
        with pymongo.timeout(TIMEOUT_SECONDS):
            privileges = server.privileges()
    except PyMongoError:
        return  # reported by `answers`
    if not privileges:
        yield note("The database asks nobody for a password.", "Switch authorization on: see deploy/mongodb/.")
        return
    excessive = sorted({action for each in privileges for action in each["actions"]} & EXCESSIVE_ACTIONS)
    if excessive:
        yield bad(f"The user of MONGODB_URI may also {', '.join(excessive)}.", RIGHTS_ADVICE)
    else:
        yield good("The user of MONGODB_URI may do what it needs, and cannot give itself more.")


def retryable_writes(_config: Config) -> Iterator[Finding]:
    """Whether retryable writes are enabled, for writes during an election."""
    if server.is_retrying_writes():
        yield good("Writes are sent again when the primary changes.")
    else:
        yield note("MONGODB_URI says retryWrites=false.", "Leave that out: it is for the embedded database only.")


def oplog(_config: Config) -> Iterator[Finding]:
    """The oplog window: how long a member may be down, and how far back a change stream can be resumed."""
    try:
        with pymongo.timeout(TIMEOUT_SECONDS):
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
        yield good(f"The oplog goes back {hours:.0f} hours; it should hold {MIN_OPLOG_WINDOW.days * 24} on a busy day.")


def backups(_config: Config) -> Iterator[Finding]:
    """Whether a backup was made lately, and a restore of one tried (deploy/backup.sh, deploy/restore.sh)."""
    try:
        with pymongo.timeout(TIMEOUT_SECONDS):
            done = upkeep.noted()
    except PyMongoError:
        return  # reported by `answers`
    backup, drill = done.get("backup"), done.get("drill")
    if backup is None:
        yield note("No backup has been noted yet.", "systemctl start waitercaller-backup makes one.")
    elif (age := clock.now() - backup["at"]) > MAX_BACKUP_AGE:
        words = f"The last backup, {backup['file']}, is {age.days} days old."
        yield bad(words, "Why is none made? journalctl -u waitercaller-backup")
    else:
        yield good(f"The last backup, {backup['file']}, is {age.total_seconds() / 3600:.0f} hours old.")
    if drill is None or clock.now() - drill["at"] > MAX_DRILL_AGE:
        last = f"since {drill['at']:%Y-%m-%d}" if drill else "yet"
        advice = "deploy/restore.sh /var/backups/waitercaller tries the newest, and changes nothing."
        yield note(f"No restore of a backup has been tried {last}.", advice)
    else:
        yield good(f"A restore was tried on {drill['at']:%Y-%m-%d}, and took {drill['seconds']} s.")


def clocks(_config: Config) -> Iterator[Finding]:
    """The offset between this machine's clock and the database's."""
    try:
        with pymongo.timeout(TIMEOUT_SECONDS):
            offset = clock.synchronise(db())
    except PyMongoError:
        return
    words = f"This machine's clock is {abs(offset.total_seconds()):.2f} s off the database's."
    if abs(offset) > MAX_CLOCK_OFFSET:
        yield bad(words, "Let both follow a time server: timedatectl set-ntp true; then timedatectl timesync-status.")
    else:
        yield good(words)


def _admin_command(command: str) -> dict[str, Any] | None:
    """The result of an admin command; None if it fails, which `answers` reports."""
    try:
        with pymongo.timeout(TIMEOUT_SECONDS):
            return server.admin_command(command)
    except PyMongoError:
        return None


def _error_text(error: PyMongoError) -> str:
    """The error without PyMongo's description of every server of the set."""
    return f"{type(error).__name__}: {str(error).partition(', full error')[0].partition(', Timeout:')[0]}"
