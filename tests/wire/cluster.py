"""The embedded server with users, behind the proxy: what comes nearest to a replica set of mongod here."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from pymongo import MongoClient

from tests.support.databases import Server
from tests.wire import ddl, rights, rules
from tests.wire.exchange import Rule
from tests.wire.protocol import Document
from tests.wire.proxy import HOST, Proxy
from tests.wire.sharding import Shards, keys_of_the_page

APPLICATION = "waitercaller"  # the user of deploy/mongodb/users.js for MONGODB_URI
ROOT = "root"
PASSWORD = "a-password-of-tests"


class Cluster:
    """`server`, which must run, with the users of deploy/mongodb/users.js, and a proxy that holds them to their rights.

    The embedded server knows the passwords; rights are the proxy's to check. The proxy is a mongos besides, with the
    collections sharded as docs/sharding.md has it.
    """

    def __init__(self, server: Server) -> None:
        users = rights.users_of_the_deployment()
        users[ROOT] = rights.granted(["root"], {})
        self.server = server
        with self.behind() as client:
            known = {each["user"] for each in client.admin.command("usersInfo")["users"]}
            for name in users.keys() - known:
                client.admin.command("createUser", name, pwd=PASSWORD, roles=["root"])
        of_all: list[Rule] = [rights.Rights(users), *rules.OF_COMMANDS, *ddl.OF_DEFINITIONS]
        of_all.append(Shards(self.behind, keys_of_the_page()))
        self.proxy = Proxy((HOST, server.port), of_all)

    def uri(self, database: str = "", user: str = APPLICATION, options: str = "") -> str:
        """The address of this database, as an operator would write it for this user."""
        where = f"{HOST}:{self.proxy.port}/{database}"
        return f"mongodb://{user}:{PASSWORD}@{where}?authSource=admin&retryWrites=true{options}"

    def behind(self) -> MongoClient[Document]:
        """A client past the proxy, for what tests prepare and tidy up."""
        return MongoClient(self.server.uri)

    def drop(self, database: str) -> None:
        """Drop it past the proxy."""
        with self.behind() as client:
            client.drop_database(database)

    @contextmanager
    def standing_for(self, uri: str) -> Iterator[str]:
        """The address of the same database behind the proxy. Fails at the end when the proxy has refused something."""
        database, before = urlsplit(uri).path.lstrip("/"), len(self.proxy.refused)
        yield self.uri(database)
        refused = sorted({words for name, words in self.proxy.refused[before:] if name.startswith(database)})
        assert refused == [], "mongod would refuse this"

    def close(self) -> None:
        self.proxy.close()
