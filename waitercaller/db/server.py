"""Diagnostics of the database server, for `flask doctor`."""

import time
from contextlib import suppress
from datetime import timedelta
from typing import Any

from bson import ObjectId, Timestamp
from pymongo import ASCENDING, DESCENDING, MongoClient
from pymongo.errors import AutoReconnect
from pymongo.read_concern import ReadConcern

from waitercaller.db import clock
from waitercaller.db.client import db

STEP_DOWN_SECONDS = 10  # before the server that stepped down may be elected again
ELECTION_TIMEOUT_SECONDS = 60.0  # until another primary is elected


def ping() -> None:
    """Check connection and authentication. Raises PyMongoError."""
    db().command("ping")
    db().list_collection_names()


def version() -> str:
    """The version of the server. Raises PyMongoError."""
    return str(db().client.server_info()["version"])


def admin_command(command: str) -> dict[str, Any]:
    """Run a command on the database `admin` and return its reply. Raises PyMongoError."""
    return db().client.admin.command(command)


def privileges() -> list[dict[str, Any]]:
    """Privileges of the connected user: [{resource, actions}]; empty without authentication. Raises PyMongoError."""
    status = db().client.admin.command("connectionStatus", showPrivileges=True)
    return list(status["authInfo"].get("authenticatedUserPrivileges", []))


def is_retrying_writes() -> bool:
    """Whether retryable writes are enabled (retryWrites in MONGODB_URI)."""
    return bool(db().client.options.retry_writes)


def majority_round_trip() -> bool:
    """Write a document with majority write concern; whether a majority read finds it. Raises PyMongoError."""
    name = f"doctor:{ObjectId()}"
    # In a collection with a TTL index, which removes it if this process dies in between.
    db().limits.insert_one({"_id": name, "count": 0, "expires_at": clock.now()})
    found = db().limits.with_options(read_concern=ReadConcern("majority")).find_one({"_id": name})
    db().limits.delete_one({"_id": name})
    return found is not None


def check_change_stream() -> None:
    """Open a change stream and poll it once. Raises PyMongoError."""
    with db().watch(max_await_time_ms=100) as stream:
        stream.try_next()


def oplog_window() -> timedelta | None:
    """The time between the first and the last oplog entry; None if it is empty. Raises OperationFailure."""
    oplog = db().client.get_database("local").get_collection("oplog.rs")
    ends = [oplog.find_one({}, {"ts": True}, sort=[("$natural", order)]) for order in (ASCENDING, DESCENDING)]
    moments = [end["ts"].as_datetime() for end in ends if end and isinstance(end.get("ts"), Timestamp)]
    return moments[1] - moments[0] if len(moments) == 2 else None


def step_down(admin_uri: str) -> float:
    """Have the primary step down; returns the seconds until majority writes succeed again.

    `admin_uri` needs a user with the role clusterManager. Raises PyMongoError, also if no other member is electable.
    """
    with MongoClient[dict[str, Any]](admin_uri, timeoutMS=30_000) as administrator:
        began = time.monotonic()
        with suppress(AutoReconnect):  # the server closes its connections when it steps down
            administrator.admin.command("replSetStepDown", STEP_DOWN_SECONDS)
        while True:
            try:
                if majority_round_trip():
                    return time.monotonic() - began
            except AutoReconnect:
                if time.monotonic() - began > ELECTION_TIMEOUT_SECONDS:
                    raise
            time.sleep(0.1)
