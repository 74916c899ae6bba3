"""Who may do what: the built-in roles that deploy/mongodb/users.js uses, written out, and that file's own.

Actions of the roles: https://www.mongodb.com/docs/manual/reference/built-in-roles/ and builtin_roles.yml of
mongodb/mongo; the right that a command needs: its `requiredPrivileges` or `checkAuthForCommand` there.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.wire.exchange import FREE, Outcome, Request, refuse, words
from tests.wire.protocol import Document

UNAUTHORIZED = 13
USERS = Path(__file__).parents[2] / "deploy" / "mongodb" / "users.js"
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
    "root": (set(), {"anything"}, {"anything"}),
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
                name in (database, "") and about in (collection, "") and what in (action, "anything")
                for name, about, what in self.actions
            )

        return {action for action in needed if not may(action)}

    def of_cluster_missing(self, action: str) -> bool:
        return not {action, "anything"} & self.of_cluster


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
            missing = granted.missing(_meant(request.database), request.collection, needed(request))
        if missing:
            words = f"not authorized on {_meant(request.database)} to execute command {request.name}: "
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
    if request.body.get("bypassDocumentValidation"):
        actions.add("bypassDocumentValidation")
    return actions


def _meant(database: str) -> str:
    if not database.startswith(("test_", "frail")):
        return database
    return RESTORED if database.endswith("_restored") else APPLICATION


# --- users.js -------------------------------------------------------------------------------------------------


def users_of(script: str) -> dict[str, Granted]:
    """The users that this script of mongosh makes, and what their roles give them."""
    literals = list(_literals(script))
    roles = {each["role"]: each for each in literals if "role" in each and "privileges" in each}
    return {each["user"]: granted(each["roles"], roles) for each in literals if "user" in each and "roles" in each}


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
                if resource.get("cluster"):
                    of_cluster |= set(privilege["actions"])
                else:
                    actions |= {(resource["db"], resource["collection"], what) for what in privilege["actions"]}
        else:
            here, everywhere, cluster = BUILT_IN[name]
            actions |= {(database, "", what) for what in here} | {("", "", what) for what in everywhere}
            of_cluster |= cluster
    return Granted(frozenset(actions), frozenset(of_cluster))


_TOKENS = re.compile(r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[\w$.]+|\S""", re.DOTALL)


def _literals(script: str) -> Iterator[Document]:
    """All object literals in it, also those within others; of a call among their values, its name."""
    tokens = [token for token in _TOKENS.findall(script) if not token.startswith(("//", "/*"))]
    for at, token in enumerate(tokens):
        if token == "{":
            try:
                yield _value(tokens, at)[0]
            except (ValueError, IndexError):
                continue  # a block of code


def _value(tokens: list[str], at: int) -> tuple[Any, int]:
    token = tokens[at]
    if token == "{":
        return _object(tokens, at + 1)
    if token == "[":
        return _array(tokens, at + 1)
    if token[0] in "\"'":
        return token[1:-1], at + 1
    if not re.match(r"[\w$]", token):
        raise ValueError(token)
    at += 1
    if tokens[at] == "(":  # a call: its arguments are passed over
        while tokens[at] != ")":
            at += 1
        at += 1
    return {"true": True, "false": False}.get(token, token), at


def _object(tokens: list[str], at: int) -> tuple[Document, int]:
    found: Document = {}
    while tokens[at] != "}":
        key = tokens[at].strip("\"'")
        if tokens[at + 1] in (",", "}"):  # {user, pwd}: the shorthand
            found[key], at = key, at + 1
        elif tokens[at + 1] == ":":
            found[key], at = _value(tokens, at + 2)
        else:
            raise ValueError(tokens[at + 1])
        if tokens[at] == ",":
            at += 1
        elif tokens[at] != "}":
            raise ValueError(tokens[at])
    return found, at + 1


def _array(tokens: list[str], at: int) -> tuple[list[Any], int]:
    found: list[Any] = []
    while tokens[at] != "]":
        value, at = _value(tokens, at)
        found.append(value)
        if tokens[at] == ",":
            at += 1
        elif tokens[at] != "]":
            raise ValueError(tokens[at])
    return found, at + 1
