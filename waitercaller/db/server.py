"""What the database server says about itself: for the doctor, who asks an operator's questions."""

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

STEP_DOWN_SECONDS = 10  # for which the server that stepped down may not be elected again
WAIT_SECONDS = 60.0  # for the next primary


def ping() -> None:
    """Fail where the server does not answer or does not let us in. Raises PyMongoError."""
    db().command("ping")
    db().list_collection_names()


def ask(command: str) -> dict[str, Any]:
    """The answer to a command of the database `admin`. Raises PyMongoError."""
    return db().client.admin.command(command)


def privileges() -> list[dict[str, Any]]:
    """The privileges of our user: [{resource, actions}]. Empty without authentication. Raises PyMongoError."""
    status = db().client.admin.command("connectionStatus", showPrivileges=True)
    return list(status["authInfo"].get("authenticatedUserPrivileges", []))


def is_retrying_writes() -> bool:
    """Whether the driver sends a write again whose answer was lost (retryWrites in MONGODB_URI)."""
    return bool(db().client.options.retry_writes)


def majority_round_trip() -> bool:
    """Write a document that a majority confirms; whether it is read back as such. Raises PyMongoError."""
    name = f"doctor:{ObjectId()}"
    # In a collection whose documents expire by themselves, should this process end in between.
    db().limits.insert_one({"_id": name, "count": 0, "expires_at": clock.now()})
    found = db().limits.with_options(read_concern=ReadConcern("majority")).find_one({"_id": name})
    db().limits.delete_one({"_id": name})
    return found is not None


def hear_changes() -> None:
    """Open a change stream and ask it once. Raises PyMongoError."""
    with db().watch(max_await_time_ms=100) as stream:
        stream.try_next()


def oplog_window() -> timedelta | None:
    """How far back the oplog goes; None where it is empty. Raises OperationFailure without the right to read it."""
    oplog = db().client.get_database("local").get_collection("oplog.rs")
    ends = [oplog.find_one({}, {"ts": True}, sort=[("$natural", order)]) for order in (ASCENDING, DESCENDING)]
    moments = [end["ts"].as_datetime() for end in ends if end and isinstance(end.get("ts"), Timestamp)]
    return moments[1] - moments[0] if len(moments) == 2 else None


def step_down(admin_uri: str) -> float:
    """Have the primary step down; the seconds until a majority confirms our writes again.

    `admin_uri` names a user with the role clusterManager. Raises PyMongoError, also where nobody else can be elected.
    """
    with MongoClient[dict[str, Any]](admin_uri, timeoutMS=30_000) as administrator:
        began = time.monotonic()
        with suppress(AutoReconnect):  # it closes its connections when it has stepped down
            administrator.admin.command("replSetStepDown", STEP_DOWN_SECONDS)
        while True:
            try:
                if majority_round_trip():
                    return time.monotonic() - began
            except AutoReconnect:
                if time.monotonic() - began > WAIT_SECONDS:
                    raise
            time.sleep(0.1)
