"""The site on one machine, as install.sh makes it: Apache before gunicorn on a unix socket."""

import ssl
from pathlib import Path
from typing import Any

from flask import Flask

from tests.support.cast import Mail, read_mail, wait_until
from tests.support.deploy.apache import DOMAIN, Apache
from tests.support.deploy.gunicorns import Gunicorn, House
from tests.support.deploy.visits import Answer, Line, visit


class Site:
    """Visited at `url`, with DOMAIN mapped to 127.0.0.1; `app` seeds it from the test's process."""

    def __init__(self, folder: Path) -> None:
        self.apache = Apache()
        self.apache.certify()
        self.url = self.apache.url
        self.house = House(folder, self.url)
        self.gunicorn = Gunicorn(self.house, "gunicorn", f"unix:{self.apache.socket}")
        self.app: Flask = self.house.app
        self.tls: ssl.SSLContext = self.apache.trust()

    def open(self) -> None:
        self.house.open()
        self.gunicorn.start()
        self.apache.start()

    def close(self) -> None:
        self.gunicorn.stop()
        self.apache.close()
        self.house.close()

    def visit(self, path: str, headers: dict[str, str] | None = None, **options: Any) -> Answer:
        """One request over https; see visits.visit."""
        return visit(f"127.0.0.1:{self.apache.https}", path, headers, tls=self.tls, name=DOMAIN, **options)

    def mail_to(self, address: str) -> Mail:
        """The next mail to this address."""
        found: list[Mail] = []

        def arrived() -> bool:
            files = sorted((self.house.folder / "mail").glob("[!.]*.eml"))
            found.extend(mail for mail in (read_mail(file.read_bytes()) for file in files) if mail.to == address)
            return bool(found)

        wait_until(arrived)
        return found[0]

    def line(self) -> Line:
        """A connection over https, for an answer that does not end."""
        return Line(f"127.0.0.1:{self.apache.https}", self.tls, DOMAIN)
