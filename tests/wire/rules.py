"""What mongod refuses of reads, writes and transactions and the embedded server lets pass.

Each rule reads one command alone. Sources: the manual's pages on transactions ("Operations"), change streams, retryable
writes, limits, and the error codes of mongodb/mongo (src/mongo/base/error_codes.yml).
"""

from typing import Any

import bson

from tests.wire.exchange import FINISHES, FREE, WRITES, Outcome, Request, Rule, refuse, words
from tests.wire.protocol import Document
from tests.wire.retries import only_single_documents

BYTES_OF_A_DOCUMENT = 16 * 1024 * 1024
WRITES_OF_A_BATCH = 100_000

IN_A_TRANSACTION = {"find", "getMore", "aggregate", "distinct", *WRITES, *FINISHES, "killCursors", "hello", "ping",
                    "create", "createIndexes"}  # fmt: skip
NOT_IN_A_TRANSACTION = {"$collStats", "$currentOp", "$indexStats", "$listLocalSessions", "$listSessions", "$merge",
                        "$out", "$planCacheStats", "$unionWith", "$changeStream"}  # fmt: skip
# https://www.mongodb.com/docs/v7.0/reference/operator/aggregation-pipeline/
STAGES = words(
    """
    $addFields $bucket $bucketAuto $changeStream $changeStreamSplitLargeEvent $collStats $count $densify
    $documents $facet $fill $geoNear $graphLookup $group $indexStats $limit $listSampledQueries
    $listSearchIndexes $listSessions $lookup $match $merge $out $planCacheStats $project $redact $replaceRoot
    $replaceWith $sample $search $searchMeta $set $setWindowFields $skip $sort $sortByCount $unionWith $unset
    $unwind $currentOp $shardedDataDistribution $listLocalSessions $vectorSearch
    """
)
# "Modify Change Stream Output" in the manual.
AFTER_A_CHANGE_STREAM = {"$addFields", "$changeStreamSplitLargeEvent", "$match", "$project", "$redact", "$replaceRoot",
                         "$replaceWith", "$set", "$unset"}  # fmt: skip
STAGES_OF_AN_UPDATE = {"$addFields", "$set", "$project", "$unset", "$replaceRoot", "$replaceWith"}
OPERATORS_OF_AN_UPDATE = words(
    """
    $currentDate $inc $min $max $mul $rename $set $setOnInsert $unset $addToSet $pop $pull $push $pullAll $bit
    """
)
# https://www.mongodb.com/docs/v7.0/reference/operator/query/; within $expr other operators hold.
OPERATORS_OF_A_FILTER = words(
    """
    $eq $gt $gte $in $lt $lte $ne $nin $and $not $nor $or $exists $type $expr $jsonSchema $mod $regex $options
    $text $search $where $geoIntersects $geoWithin $near $nearSphere $geometry $maxDistance $minDistance $all
    $elemMatch $size $bitsAllClear $bitsAllSet $bitsAnyClear $bitsAnySet $comment $rand $oid
    """
)


def transactions(request: Request) -> Outcome | None:
    """What a transaction may hold; and a count is refused though a find is not: count by an aggregation."""
    if not request.in_transaction:
        return None
    if request.name not in IN_A_TRANSACTION:
        return refuse(263, "OperationNotSupportedInTransaction", f"Cannot run '{request.name}' in a transaction.")
    if request.database in ("admin", "config", "local") and request.name not in FINISHES:
        return refuse(263, "OperationNotSupportedInTransaction", f"no transaction on {request.database}")
    for stage in request.pipeline:
        if found := NOT_IN_A_TRANSACTION & set(stage):
            return refuse(
                263, "OperationNotSupportedInTransaction", f"Stage not supported inside of a transaction: {found}"
            )
    if "writeConcern" in request.body and request.name not in FINISHES:
        return refuse(72, "InvalidOptions", "writeConcern is not allowed within a multi-statement transaction")
    if "readConcern" in request.body and not request.body.get("startTransaction"):
        return refuse(72, "InvalidOptions", "Only the first command in a transaction may specify a readConcern")
    return None


def stages(request: Request) -> Outcome | None:
    """Stages that there are, where they may be."""
    names = [next(iter(stage), "") for stage in request.pipeline]
    for place, name in enumerate(names):
        if name not in STAGES:
            return refuse(40324, "Location40324", f"Unrecognized pipeline stage name: '{name}'")
        if name == "$changeStream" and place > 0:
            return refuse(40602, "Location40602", "$changeStream is only valid as the first stage in a pipeline")
        if name in ("$out", "$merge") and place < len(names) - 1:
            return refuse(40601, "Location40601", f"{name} can only be the final stage in the pipeline")
    if names[:1] == ["$changeStream"] and (other := set(names[1:]) - AFTER_A_CHANGE_STREAM):
        return refuse(20, "IllegalOperation", f"{sorted(other)} is not permitted in a $changeStream pipeline")
    return None


def reads(request: Request) -> Outcome | None:
    """All reads go to the primary: what a secondary says may be old. A change stream reads what the majority has."""
    mode = request.body.get("$readPreference", {}).get("mode", "primary")
    if request.name not in FREE and mode not in ("primary", "primaryPreferred"):
        return refuse(2, "BadValue", f"{request.name} with the read preference {mode}")
    if any("$changeStream" in stage for stage in request.pipeline):
        level = request.body.get("readConcern", {}).get("level", "majority")
        if level != "majority":
            return refuse(72, "InvalidOptions", f"$changeStream does not support readConcern {level}")
    return None


def filters(request: Request) -> Outcome | None:
    """Operators of a filter that there are."""
    asked = [request.body.get("filter"), request.body.get("query"), *(each["q"] for each in request.statements())]
    asked += [stage.get("$match") for stage in request.pipeline]
    for each in asked:
        if unknown := operators(each) - OPERATORS_OF_A_FILTER:
            return refuse(2, "BadValue", f"unknown operator: {', '.join(sorted(unknown))}")
    return None


def updates(request: Request) -> Outcome | None:
    """Operators of an update that there are, on paths of which none is within another; _id never changes."""
    for statement in request.statements() if request.name == "update" else ():
        update = statement["u"]
        if isinstance(update, list):
            names = {next(iter(stage), "") for stage in update}
            if unknown := names - STAGES_OF_AN_UPDATE:
                return refuse(40324, "Location40324", f"Unrecognized pipeline stage name: {sorted(unknown)}")
            continue
        if not any(key.startswith("$") for key in update):
            if statement.get("multi"):
                return refuse(9, "FailedToParse", "multi update is not supported for replacement-style update")
            continue
        if outcome := _operators_of_update(update):
            return outcome
    return None


def _operators_of_update(update: Document) -> Outcome | None:
    if unknown := set(update) - OPERATORS_OF_AN_UPDATE:
        return refuse(9, "FailedToParse", f"Unknown modifier: {sorted(unknown)}")
    paths = sorted(path for values in update.values() for path in values)
    if "_id" in {*paths} - {*update.get("$setOnInsert", ())}:
        return refuse(66, "ImmutableField", "Performing an update on the path '_id' would modify the immutable field")
    for path in paths:
        if paths.count(path) > 1 or any(other.startswith(f"{path}.") for other in paths):
            return refuse(40, "ConflictingUpdateOperators", f"Updating the path '{path}' would create a conflict")
        if not path or ".." in path or path.startswith(".") or path.endswith("."):
            return refuse(56, "EmptyFieldName", f"The update path '{path}' contains an empty field name")
    return None


def sizes(request: Request) -> Outcome | None:
    """A document has at most 16 MiB, a batch at most 100,000 writes."""
    documents = request.body.get("documents", []) if request.name == "insert" else []
    if len(documents) + len(request.statements()) > WRITES_OF_A_BATCH:
        return refuse(2, "InvalidLength", f"Write batch sizes must be at most {WRITES_OF_A_BATCH}")
    for each in documents:
        if len(bson.encode(each)) > BYTES_OF_A_DOCUMENT:
            return refuse(10334, "BSONObjectTooLarge", "object to insert too large")
    return None


def operators(condition: Any) -> set[str]:
    """The names of all operators in it, but not those of expressions, which are others."""
    if isinstance(condition, list):
        return set().union(*map(operators, condition))
    if not isinstance(condition, dict):
        return set()
    found = {key for key in condition if key.startswith("$")}
    return found.union(*(operators(value) for key, value in condition.items() if key not in ("$expr", "$jsonSchema")))


OF_COMMANDS: list[Rule] = [transactions, only_single_documents, stages, reads, filters, updates, sizes]
