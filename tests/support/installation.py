"""A database and the settings of an application that is served by other processes."""

from pathlib import Path

from flask import Flask

from config import Config
from tests.support import databases, settings
from tests.support.cast import Browser, Mail, read_mail, wait_until
from waitercaller import create_app
from waitercaller.db import schema
from waitercaller.db.client import db, patiently


class Installation:
    """`app` is the same application in the test's process, for preparing data.

    Its database server is of its own, unless TEST_MONGODB_URI names one and no test stops it.
    """

    stops_database = False  # whether tests stop or freeze it

    def __init__(self, folder: Path, public_url: str, **further: str) -> None:
        self.folder = folder
        self.url = public_url
        given = databases.given_uri()
        self.database: databases.Server | databases.GivenServer = databases.Server(folder / "database")
        if given and not self.stops_database:
            self.database = databases.GivenServer(given)
        uri = databases.with_name(self.database.uri, databases.fresh_name())
        self.environ = settings.environ(uri, public_url, folder / "mail", **further)
        self.app: Flask = create_app(Config.from_env(self.environ))
        self.app.test_client_class = Browser

    def open(self) -> None:
        """Start the database and build the schema."""
        if isinstance(self.database, databases.Server):
            self.database.start()
        databases.be_patient(self.app.extensions["mongo"])
        with self.app.app_context(), patiently():
            schema.build(db())

    def close(self) -> None:
        if isinstance(self.database, databases.GivenServer):
            with self.app.app_context(), patiently():
                db().client.drop_database(db().name)
        self.app.extensions["mongo"].close()  # first: without a server, ending its sessions takes half a minute
        if isinstance(self.database, databases.Server):
            self.database.kill()

    def empty(self) -> None:
        """Delete all data, before the next test."""
        with self.app.app_context(), patiently():
            databases.empty(db(), db().list_collection_names())
        for file in self._mail_files():
            file.unlink()

    def mail_to(self, address: str) -> Mail:
        """Wait for the next mail to this address, and remove it from the folder."""
        found: list[Mail] = []

        def arrived() -> bool:
            for file in self._mail_files():
                mail = read_mail(file.read_bytes())
                if mail.to == address:
                    file.unlink()
                    found.append(mail)
                    return True
            return False

        wait_until(arrived)
        return found[0]

    def _mail_files(self) -> list[Path]:
        return sorted((self.folder / "mail").glob("[!.]*.eml"))
