"""What mongod refuses of collections, indexes and validators, and how long an index build may take.

Sources: the manual's pages on index options, partial indexes, TTL indexes and $jsonSchema; index_key_validate.cpp and
json_schema_parser.cpp of mongodb/mongo.
"""

from typing import Any

from tests.wire.exchange import Outcome, Request, Rule, refuse, words
from tests.wire.protocol import Document
from tests.wire.rules import operators

CANNOT_CREATE_INDEX, FAILED_TO_PARSE = 67, 9
LONGEST_TTL_SECONDS = 2**31 - 1
INDEXES_OF_A_COLLECTION = 64
# A build of a million documents takes minutes, and ends with nothing where the command's own limit ends it before.
SHORTEST_LIMIT_MS = 60_000
SLOW = {"createIndexes", "collMod", "create", "drop", "dropIndexes", "dropDatabase"}

OPTIONS = words(
    """
    key name unique partialFilterExpression sparse expireAfterSeconds hidden storageEngine collation
    wildcardProjection weights default_language language_override textIndexVersion 2dsphereIndexVersion bits min
    max v prepareUnique background dropDups ns bucketSize clustered
    """
)
OF_PARTIAL = {"$eq", "$exists", "$gt", "$gte", "$lt", "$lte", "$type", "$and", "$or", "$in",
              "$geoWithin", "$geoIntersects"}  # fmt: skip
NOT_IN_A_VALIDATOR = {"$near", "$nearSphere", "$geoNear", "$text", "$where"}
KEYWORDS = words(
    """
    additionalItems additionalProperties allOf anyOf bsonType dependencies description enum exclusiveMaximum
    exclusiveMinimum items maximum maxItems maxLength maxProperties minimum minItems minLength minProperties
    multipleOf not oneOf pattern patternProperties properties required title type uniqueItems encrypt
    encryptMetadata
    """
)
BSON_TYPES = words(
    """
    double string object array binData undefined objectId bool date null regex dbPointer javascript symbol
    javascriptWithScope int timestamp long decimal minKey maxKey number
    """
)
JSON_TYPES = {"object", "array", "number", "boolean", "string", "null"}


def indexes(request: Request) -> Outcome | None:
    """Specifications that there can be."""
    if request.name != "createIndexes":
        return None
    given = request.body["indexes"]
    if len(given) > INDEXES_OF_A_COLLECTION:
        return refuse(CANNOT_CREATE_INDEX, "CannotCreateIndex", "too many indexes")
    problems = (f"{problem}: {index.get('name')}" for index in given for problem in _problems_of_index(index))
    problem = next(problems, None)
    return refuse(CANNOT_CREATE_INDEX, "CannotCreateIndex", problem) if problem else None


def _problems_of_index(index: Document) -> list[str]:
    key, partial = index["key"], index.get("partialFilterExpression")
    seconds = index.get("expireAfterSeconds", 0)
    found = {
        f"unknown options {sorted(set(index) - OPTIONS)}": bool(set(index) - OPTIONS),
        "no key": not key,
        "a key is 1, -1 or the name of a kind of index": any(
            not isinstance(value, int | float | str) or isinstance(value, bool) or value in (0, "")
            for value in key.values()
        ),
        "TTL indexes are single-field indexes": "expireAfterSeconds" in index and len(key) > 1,
        "_id cannot expire": "expireAfterSeconds" in index and "_id" in key,
        "expireAfterSeconds is out of range": not 0 <= seconds <= LONGEST_TTL_SECONDS,
        "cannot mix partialFilterExpression and sparse": partial is not None and bool(index.get("sparse")),
        "a hashed index cannot be unique": "hashed" in key.values() and bool(index.get("unique")),
    }
    if partial is not None:
        found[f"unsupported in a partial index {sorted(operators(partial) - OF_PARTIAL)}"] = bool(
            operators(partial) - OF_PARTIAL
        )
        found["unsupported in a partial index $exists: false"] = _has_exists_false(partial)
    return [problem for problem, is_so in found.items() if is_so]


def _has_exists_false(condition: Any) -> bool:
    if isinstance(condition, list):
        return any(map(_has_exists_false, condition))
    if not isinstance(condition, dict):
        return False
    return condition.get("$exists", True) in (False, 0) or any(map(_has_exists_false, condition.values()))


def validators(request: Request) -> Outcome | None:
    """Operators of a validator and keywords of a schema that there are."""
    validator = request.body.get("validator") if request.name in ("create", "collMod") else None
    if not validator:
        return None
    if refused := operators(validator) & NOT_IN_A_VALIDATOR:
        return refuse(224, "QueryFeatureNotAllowed", f"{sorted(refused)} is not allowed in a validator")
    problem = _problem_of_schema(validator.get("$jsonSchema", {}))
    return refuse(FAILED_TO_PARSE, "FailedToParse", problem) if problem else None


def _problem_of_schema(schema: Document) -> str | None:
    for keyword, value in schema.items():
        if keyword not in KEYWORDS:
            return f"Unknown $jsonSchema keyword: {keyword}"
        if problem := _problem_of_keyword(keyword, value):
            return problem
    if {"type", "bsonType"} <= set(schema):
        return "Cannot specify both $jsonSchema keywords 'type' and 'bsonType'"
    for bound in ("Minimum", "Maximum"):
        if f"exclusive{bound}" in schema and bound.lower() not in schema:
            return f"$jsonSchema keyword '{bound.lower()}' must be a present if exclusive{bound} is present"
    return None


def _problem_of_keyword(keyword: str, value: Any) -> str | None:
    several = [value] if isinstance(value, str) else value
    match keyword:
        case "required" | "enum" | "anyOf" | "allOf" | "oneOf" if not value:
            return f"$jsonSchema keyword '{keyword}' cannot be an empty array"
        case "required" | "enum" if len(value) != len({repr(each) for each in value}):
            return f"$jsonSchema keyword '{keyword}' array cannot contain duplicate values"
        case "exclusiveMinimum" | "exclusiveMaximum" | "uniqueItems" if not isinstance(value, bool):
            return f"$jsonSchema keyword '{keyword}' must be a boolean"
        case "type" if not set(several) <= JSON_TYPES:
            return f"unknown $jsonSchema type: {value}"
        case "bsonType" if not set(several) <= BSON_TYPES:
            return f"unknown bsonType: {value}"
    return next((problem for each in _schemas_within(keyword, value) if (problem := _problem_of_schema(each))), None)


def _schemas_within(keyword: str, value: Any) -> list[Document]:
    if keyword in ("properties", "patternProperties"):
        return list(value.values())
    if keyword in ("anyOf", "allOf", "oneOf") or (keyword == "items" and isinstance(value, list)):
        return list(value)
    nests = keyword in ("items", "not", "additionalItems", "additionalProperties")
    return [value] if nests and isinstance(value, dict) else []


def time_limits(request: Request) -> Outcome | None:
    """An index build that has less than a minute is ended by its own limit as soon as there is something to index."""
    limit = request.body.get("maxTimeMS", 0)
    if request.name in SLOW and 0 < limit < SHORTEST_LIMIT_MS:
        return refuse(50, "MaxTimeMSExpired", f"{request.name} would have needed more than its {limit} ms")
    return None


OF_DEFINITIONS: list[Rule] = [indexes, validators, time_limits]
