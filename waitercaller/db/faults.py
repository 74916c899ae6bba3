"""Which errors of the database are passing: it is away, and the same may work a moment later."""

from pymongo.errors import BulkWriteError, ConnectionFailure, CursorNotFound, PyMongoError, WriteConcernError

LABELS = ("TransientTransactionError", "UnknownTransactionCommitResult", "RetryableWriteError", "RetryableError")

# Error codes of the server (https://www.mongodb.com/docs/manual/reference/error-codes/).
CODES = frozenset(
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
        50737,  # CouldNotFindPrimary, of a mongos
    }
)


def is_away(error: BaseException) -> bool:
    """Whether the database is away for the moment, so that a page answers 503 and a job tries again in its next round.

    False for what it refuses: a validator, missing rights, a duplicate key.
    """
    if isinstance(error, BulkWriteError):
        return error.has_error_label("RetryableWriteError") or _holds_only_write_concern_errors(error)
    if isinstance(error, ConnectionFailure | WriteConcernError | CursorNotFound):
        return True
    if not isinstance(error, PyMongoError):
        return False
    return error.timeout or getattr(error, "code", None) in CODES or any(map(error.has_error_label, LABELS))


def _holds_only_write_concern_errors(error: BulkWriteError) -> bool:
    """All writes were applied on the primary; that a majority has them is not known."""
    details = error.details or {}
    return bool(details.get("writeConcernErrors")) and not details.get("writeErrors")
