"""A database and the settings of an application that is served by other processes."""

from pathlib import Path

from flask import Flask
from pymongo.operations import DeleteMany

from config import Config
from tests.support import databases, settings
from tests.support.cast import Browser, Mail, read_mail, wait_until
from waitercaller import create_app
from waitercaller.db import schema


class Installation:
    """`app` is the same application in the test's process, for preparing data."""

    def __init__(self, folder: Path, public_url: str, **further: str) -> None:
        self.folder = folder
        self.url = public_url
        self.database = databases.Server(folder / "database")
        uri = databases.with_name(self.database.uri, "waitercaller")
        self.environ = settings.environ(uri, public_url, folder / "mail", **further)
        self.app: Flask = create_app(Config.from_env(self.environ))
        self.app.test_client_class = Browser

    def open(self) -> None:
        """Start the database and build the schema."""
        self.database.start()
        schema.build(self.app.extensions["mongo"].database)

    def close(self) -> None:
        self.app.extensions["mongo"].client.close()
        self.database.kill()

    def empty(self) -> None:
        """Delete all data, before the next test."""
        mongo = self.app.extensions["mongo"]
        names = mongo.database.list_collection_names()
        mongo.client.bulk_write([DeleteMany({}, namespace=f"waitercaller.{name}") for name in names])
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
