"""The site on one machine, as install.sh makes it: Apache before gunicorn on a unix socket."""

import ssl
from pathlib import Path
from typing import Any

from tests.support.deploy.apache import DOMAIN, Apache
from tests.support.gunicorn import Gunicorn
from tests.support.installation import Installation
from tests.support.visits import Answer, Connection, visit

# What an installation behind Apache is told of it.
BEHIND_APACHE = {"TRUSTED_HOSTS": f"{DOMAIN},127.0.0.1,localhost", "PROXY_COUNT": "1", "LOG_FORMAT": "json"}


class Site(Installation):
    """Visited at `url`, with DOMAIN mapped to 127.0.0.1."""

    def __init__(self, folder: Path) -> None:
        self.apache = Apache()
        self.apache.certify()
        super().__init__(folder, self.apache.url, **BEHIND_APACHE)
        self.gunicorn = behind_apache(self, "gunicorn", f"unix:{self.apache.socket}")
        self.tls: ssl.SSLContext = self.apache.trust()

    def open(self) -> None:
        super().open()
        self.gunicorn.start()
        self.apache.start()

    def close(self) -> None:
        self.gunicorn.stop()
        self.apache.close()
        super().close()

    def visit(self, path: str, headers: dict[str, str] | None = None, **options: Any) -> Answer:
        """One request over https; see visits.visit."""
        return visit(f"127.0.0.1:{self.apache.https}", path, headers, tls=self.tls, name=DOMAIN, **options)

    def connect(self) -> Connection:
        """A connection over https, for an answer that does not end."""
        return Connection(f"127.0.0.1:{self.apache.https}", self.tls, DOMAIN)


def behind_apache(installation: Installation, name: str, bind: str, workers: int = 2) -> Gunicorn:
    """One machine's gunicorn.

    Apache serves as somebody else and must reach a socket: in production by its group, here by --umask 0.
    """
    environ = {**installation.environ, "DRAIN_FILE": str(installation.folder / f"{name}.drain")}
    log_file = installation.folder / f"{name}.log"
    return Gunicorn(bind, environ, log_file, workers=workers, options=["--umask", "0"])
