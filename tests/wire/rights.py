"""Who may do what: the built-in roles that deploy/mongodb/users.js uses, written out, and that file's own.

Actions of the roles: https://www.mongodb.com/docs/manual/reference/built-in-roles/ and builtin_roles.yml of
mongodb/mongo; the right that a command needs: its `requiredPrivileges` or `checkAuthForCommand` there.
"""

import json
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import playwright

from tests.support import ROOT
from tests.wire.exchange import FREE, Outcome, Request, refuse, words
from tests.wire.protocol import Document

UNAUTHORIZED = 13
NODE = Path(playwright.__file__).parent / "driver" / "node"
# Databases of tests have names of their own: each stands for the application's, or for the one of restore rehearsals.
APPLICATION, RESTORED = "waitercaller", "waitercaller_restored"

READ = words(
    """
    changeStream collStats dbHash dbStats find killCursors listCollections listIndexes planCacheRead
    """
)
READ_WRITE = READ | words(
    """
    convertToCapped createCollection createIndex dropCollection dropIndex insert remove renameCollectionSameDB
    update
    """
)
DB_ADMIN = words(
    """
    analyze bypassDocumentValidation collMod collStats compact convertToCapped createCollection createIndex
    dbStats dropCollection dropDatabase dropIndex enableProfiler listCollections listIndexes
    planCacheIndexFilter planCacheRead planCacheWrite reIndex renameCollectionSameDB storageDetails validate
    """
)
MONITOR = words(
    """
    checkFreeMonitoringStatus connPoolStats getCmdLineOpts getLog getParameter getShardMap hostInfo inprog
    listDatabases listSessions listShards netstat replSetGetConfig replSetGetStatus serverStatus shardingState
    top
    """
)
BACKUP = words("find listCollections listIndexes collStats dbStats changeStream")
RESTORE = words(
    """
    anyAction bypassDocumentValidation changeStream collMod convertToCapped createCollection createIndex
    createRole createUser dropCollection dropDatabase dropIndex dropRole dropUser grantRole insert
    listCollections listIndexes remove revokeRole update viewRole viewUser
    """
)
# role → (actions in the role's database, actions in every database, actions of the cluster)
BUILT_IN: dict[str, tuple[set[str], set[str], set[str]]] = {
    "read": (READ, set(), set()),
    "readWrite": (READ_WRITE, set(), set()),
    "dbAdmin": (DB_ADMIN, set(), set()),
    "clusterMonitor": (set(), {"collStats", "dbStats", "indexStats", "getShardVersion"}, MONITOR),
    "backup": (set(), BACKUP, {"appendOplogNote", "getParameter", "listDatabases", "serverStatus"}),
    "restore": (set(), RESTORE, {"getParameter"}),
    "root": (set(), {"anyAction"}, {"anyAction"}),
}
NEEDS = {
    "find": "find", "count": "find", "distinct": "find", "aggregate": "find", "getMore": "find", "explain": "find",
    "insert": "insert", "update": "update", "delete": "remove", "findAndModify": "update",
    "create": "createCollection", "collMod": "collMod", "drop": "dropCollection", "dropDatabase": "dropDatabase",
    "createIndexes": "createIndex", "dropIndexes": "dropIndex", "listCollections": "listCollections",
    "listIndexes": "listIndexes", "dbStats": "dbStats", "collStats": "collStats",
}  # fmt: skip
OF_CLUSTER = {
    "listDatabases": "listDatabases", "serverStatus": "serverStatus", "replSetGetStatus": "replSetGetStatus",
    "replSetGetConfig": "replSetGetConfig", "getParameter": "getParameter", "setParameter": "setParameter",
    "hostInfo": "hostInfo", "currentOp": "inprog", "getCmdLineOpts": "getCmdLineOpts", "top": "top",
    "replSetStepDown": "replSetStateChange", "getLog": "getLog", "shardCollection": "enableSharding",
}  # fmt: skip


@dataclass(frozen=True)
class Granted:
    """What one user may do: (database, collection, action), "" for any; and what of the cluster."""

    actions: frozenset[tuple[str, str, str]]
    of_cluster: frozenset[str]

    def missing(self, database: str, collection: str, needed: Iterable[str]) -> set[str]:
        def may(action: str) -> bool:
            return any(
                name in (database, "") and about in (collection, "") and what in (action, "anyAction")
                for name, about, what in self.actions
            )

        return {action for action in needed if not may(action)}

    def of_cluster_missing(self, action: str) -> bool:
        return not {action, "anyAction"} & self.of_cluster


class Rights:
    """A rule: refuses what the user of the connection may not do."""

    def __init__(self, users: dict[str, Granted]) -> None:
        self.users = users

    def __call__(self, request: Request) -> Outcome | None:
        if request.name in FREE:
            return None
        granted = self.users.get(request.user or "")
        if granted is None:
            return refuse(UNAUTHORIZED, "Unauthorized", f"command {request.name} requires authentication")
        if action := OF_CLUSTER.get(request.name):
            missing = {action} if granted.of_cluster_missing(action) else set()
        else:
            missing = granted.missing(_meant(_database(request)), request.collection, needed(request))
        if missing:
            words = f"not authorized on {_meant(_database(request))} to execute command {request.name}: "
            return refuse(UNAUTHORIZED, "Unauthorized", words + ", ".join(sorted(missing)))
        return None


def needed(request: Request) -> set[str]:
    """The actions on its collection that this command needs; one unknown here needs a right of its own name."""
    actions = {NEEDS.get(request.name, request.name)}
    if any("$changeStream" in stage for stage in request.pipeline):
        actions.add("changeStream")
    if any("$out" in stage or "$merge" in stage for stage in request.pipeline):
        actions |= {"insert", "update", "remove"}
    if request.body.get("upsert") or any(each.get("upsert") for each in request.statements()):
        actions.add("insert")
    if request.name == "findAndModify" and request.body.get("remove"):
        actions = {"find", "remove"}
    if request.name == "renameCollection":
        within_one = request.collection.partition(".")[0] == str(request.body.get("to")).partition(".")[0]
        actions = {"renameCollectionSameDB"} if within_one else {"insert", "createIndex", "dropCollection"}
        actions |= {"dropCollection"} if request.body.get("dropTarget") else set()
    if request.body.get("bypassDocumentValidation"):
        actions.add("bypassDocumentValidation")
    return actions


def _database(request: Request) -> str:
    """The database that a command is about. Of a collection that is renamed it stands before its name."""
    if request.name == "renameCollection" and "." in request.collection:
        return request.collection.partition(".")[0]
    return request.database


def _meant(database: str) -> str:
    if not database.startswith(("test_", "frail")):
        return database
    return RESTORED if database.endswith("_restored") else APPLICATION


# --- users.js -------------------------------------------------------------------------------------------------


def users_of_the_deployment() -> dict[str, Granted]:
    """The users that deploy/mongodb/users.js makes, and what their roles give them."""
    made = made_users()
    return {name: granted(user["roles"], made["roles"]) for name, user in made["users"].items()}


@cache
def made_users() -> Document:
    """What users.js leaves of users and roles in a database, run on a stand-in for mongosh's `db`."""
    command: list[str | Path] = [NODE, ROOT / "tests" / "support" / "deploy" / "users.mjs", "1", "primary"]
    script = (ROOT / "deploy" / "mongodb" / "users.js").read_text(encoding="utf-8")
    done = subprocess.run(command, input=script, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def granted(given: list[Any], roles: dict[str, Document]) -> Granted:
    """What these roles, built-in or of `roles`, give together."""
    actions: set[tuple[str, str, str]] = set()
    of_cluster: set[str] = set()
    for each in given:
        name, database = (each["role"], each["db"]) if isinstance(each, dict) else (each, "admin")
        if own := roles.get(name):
            inherited = granted(own["roles"], roles)
            actions |= inherited.actions
            of_cluster |= inherited.of_cluster
            for privilege in own["privileges"]:
                resource = privilege["resource"]
                if resource.get("cluster") or resource.get("anyResource"):
                    of_cluster |= set(privilege["actions"])
                if not resource.get("cluster"):
                    where = (resource.get("db", ""), resource.get("collection", ""))
                    actions |= {(*where, what) for what in privilege["actions"]}
        else:
            here, everywhere, cluster = BUILT_IN[name]
            actions |= {(database, "", what) for what in here} | {("", "", what) for what in everywhere}
            of_cluster |= cluster
    return Granted(frozenset(actions), frozenset(of_cluster))
