"""Classification of database errors: transient ones, after which the same operation may succeed later."""

from pymongo.errors import BulkWriteError, ConnectionFailure, CursorNotFound, PyMongoError, WriteConcernError

TRANSIENT_LABELS = (
    "TransientTransactionError",
    "UnknownTransactionCommitResult",
    "RetryableWriteError",
    "RetryableError",
)

# Error codes of the server (https://www.mongodb.com/docs/manual/reference/error-codes/).
TRANSIENT_CODES = frozenset(
    {
        6,  # HostUnreachable
        7,  # HostNotFound
        50,  # MaxTimeMSExpired
        64,  # WriteConcernFailed (TimedOut)
        89,  # NetworkTimeout
        91,  # ShutdownInProgress
        112,  # WriteConflict
        133,  # FailedToSatisfyReadPreference
        134,  # ReadConcernMajorityNotAvailableYet
        175,  # QueryPlanKilled
        189,  # PrimarySteppedDown
        237,  # CursorKilled
        239,  # SnapshotTooOld
        246,  # SnapshotUnavailable
        251,  # NoSuchTransaction
        262,  # ExceededTimeLimit
        9001,  # SocketException
        10058,  # LegacyNotPrimary
        10107,  # NotWritablePrimary
        11600,  # InterruptedAtShutdown
        11601,  # Interrupted
        11602,  # InterruptedDueToReplStateChange
        13435,  # NotPrimaryNoSecondaryOk
        13436,  # NotPrimaryOrSecondary
        50737,  # CouldNotFindPrimary (mongos)
    }
)


def is_transient(error: BaseException) -> bool:
    """Whether the error is transient: pages answer 503, jobs try again in their next round.

    False for rejected operations: validation, missing privileges, duplicate keys.
    """
    if isinstance(error, BulkWriteError):
        return error.has_error_label("RetryableWriteError") or _holds_only_write_concern_errors(error)
    if isinstance(error, ConnectionFailure | WriteConcernError | CursorNotFound):
        return True
    if not isinstance(error, PyMongoError):
        return False
    return (
        error.timeout
        or getattr(error, "code", None) in TRANSIENT_CODES
        or any(map(error.has_error_label, TRANSIENT_LABELS))
    )


def _holds_only_write_concern_errors(error: BulkWriteError) -> bool:
    """Whether all writes were applied on the primary, and only their acknowledgement by a majority is unknown."""
    details = error.details or {}
    return bool(details.get("writeConcernErrors")) and not details.get("writeErrors")
