"""A client as the application has one, behind the proxy, for the tests of the proxy itself."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.database import Database

from tests.support import databases
from tests.wire.cluster import Cluster
from tests.wire.protocol import Document

Connect = Callable[..., Database[Document]]


@pytest.fixture
def name(cluster: Cluster) -> Iterator[str]:
    """A database that is only this test's."""
    name = databases.fresh_name()
    yield name
    cluster.drop(name)


@pytest.fixture
def connect(impatient: None, cluster: Cluster, name: str) -> Iterator[Connect]:
    """`connect(user="root", timeoutMS=500)`: the database as this user, by a client with these options."""
    clients: list[MongoClient[Document]] = []

    def make(user: str = "waitercaller", uri_options: str = "", **options: Any) -> Database[Document]:
        uri = cluster.uri(name, user, uri_options)
        given: dict[str, Any] = {"w": "majority", "journal": True, "timeoutMS": 5000} | options
        clients.append(MongoClient(uri, tz_aware=True, **{key: it for key, it in given.items() if it is not None}))
        return clients[-1][name]

    yield make
    for each in clients:
        each.close()


@pytest.fixture
def db(connect: Connect) -> Database[Document]:
    """The database as the application's user."""
    return connect()
