"""Databases for tests on a server that is given by TEST_MONGODB_URI."""

from typing import Any

import pytest
from pymongo import MongoClient

from tests.support import databases


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ("mongodb://127.0.0.1:9/?retryWrites=false", "mongodb://127.0.0.1:9/test?retryWrites=false"),
        ("mongodb://root:pw@db1,db2/?tls=true", "mongodb://root:pw@db1,db2/test?authSource=admin&tls=true"),
        ("mongodb://root:pw@db1/other", "mongodb://root:pw@db1/test?authSource=other"),
        ("mongodb://root:pw@db1/?authSource=users", "mongodb://root:pw@db1/test?authSource=users"),
    ],
)
def test_a_user_is_looked_up_where_it_was_before(given: str, named: str) -> None:
    """Without authSource that is the URI's database, which has another name for each test."""
    assert databases.with_name(given, "test") == named


@pytest.mark.parametrize("has_bulk_write", [True, False], ids=["MongoDB 8.0", "MongoDB 7.0"])
def test_a_shared_database_is_emptied_and_dropped_in_the_end(
    server: databases.Server | databases.GivenServer, has_bulk_write: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not has_bulk_write:
        monkeypatch.setattr(databases, "BULK_WRITE_WIRE_VERSION", 1_000)
    shared = databases.SharedDatabase(server.uri)
    with MongoClient[dict[str, Any]](server.uri) as client:
        name = shared.take().partition("/test_")[2].partition("?")[0]
        database = client[f"test_{name}"]
        database.limits.insert_one({"_id": "a window"}, bypass_document_validation=True)
        shared.give_back()
        assert f"/{database.name}" in shared.take()
        assert database.limits.find_one() is None
        shared.close()
        assert database.name not in client.list_database_names()
