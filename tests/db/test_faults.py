"""Classification of database errors as transient, and the responses of pages."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    CursorNotFound,
    DuplicateKeyError,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    WriteConcernError,
    WTimeoutError,
)

from waitercaller.db.faults import is_transient

TRANSIENT: list[PyMongoError] = [
    AutoReconnect("connection closed"),
    ExecutionTimeout("too long", 50),
    CursorNotFound("gone", 43),
    WriteConcernError("PrimarySteppedDown", 189),
    WTimeoutError("waiting for replication timed out", 64),
    BulkWriteError({"writeErrors": [], "writeConcernErrors": [{"code": 91, "errmsg": "shutting down"}]}),
    OperationFailure("conflict", 112, {"errorLabels": ["TransientTransactionError"]}),
    *(OperationFailure("passing", code) for code in (133, 175, 189, 262, 10107, 50737)),
]
PERMANENT: list[PyMongoError] = [
    DuplicateKeyError("twice", 11000),
    OperationFailure("not authorized", 13),
    OperationFailure("Document failed validation", 121),
    BulkWriteError({"writeErrors": [{"code": 11000}], "writeConcernErrors": []}),
    BulkWriteError({"writeErrors": [{"code": 121}], "writeConcernErrors": [{"code": 91}]}),
]


def names(errors: list[PyMongoError]) -> list[str]:
    return [f"{type(error).__name__} {getattr(error, 'code', '')}" for error in errors]


def test_transient_errors_are_recognised() -> None:
    assert names([error for error in TRANSIENT if not is_transient(error)]) == []
    assert names([error for error in PERMANENT if is_transient(error)]) == []
    assert not is_transient(KeyError("restaurant_id"))


@pytest.fixture
def failing(app: Flask) -> Callable[[PyMongoError], int]:
    """`failing(error)`: the status of a page that raises this error."""
    client: FlaskClient = app.test_client()

    def visit(error: PyMongoError) -> int:
        def fail(*_: Any, **__: Any) -> Any:
            raise error

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("waitercaller.requests.guest.views.tables.by_code", fail)
            answer = client.get("/t/" + "A" * 26)
        assert ("Retry-After" in answer.headers) == (answer.status_code == 503)
        return answer.status_code

    return visit


def test_a_page_answers_503_to_transient_errors_and_500_to_others(failing: Callable[[PyMongoError], int]) -> None:
    assert {failing(error) for error in TRANSIENT} == {503}
    assert {failing(error) for error in PERMANENT} == {500}


def test_the_codes_include_those_of_the_driver() -> None:
    """A new version of PyMongo may add retryable codes."""
    from pymongo.helpers_shared import _RETRYABLE_ERROR_CODES

    from waitercaller.db.faults import TRANSIENT_CODES

    assert TRANSIENT_CODES >= _RETRYABLE_ERROR_CODES


def test_only_one_module_classifies_errors() -> None:
    package = Path("waitercaller")
    deciding = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if "has_error_label" in (source := path.read_text("utf-8")) or "ConnectionFailure" in source
    }
    assert deciding <= {"db/faults.py", "db/client.py"}
