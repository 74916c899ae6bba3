"""The site on one machine, as set up by install.sh: Apache in front of gunicorn on a unix socket."""

import ssl
from pathlib import Path
from typing import Any

from tests.support.deploy.apache import DOMAIN, Apache
from tests.support.gunicorn import Gunicorn
from tests.support.installation import Installation
from tests.support.visits import Answer, Connection, visit

# The settings of an installation behind Apache.
BEHIND_APACHE = {"TRUSTED_HOSTS": f"{DOMAIN},127.0.0.1,localhost", "PROXY_COUNT": "1", "LOG_FORMAT": "json"}


class Site(Installation):
    """The site at `url`; clients must resolve DOMAIN to 127.0.0.1."""

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
        """A connection over https, for responses that do not end."""
        return Connection(f"127.0.0.1:{self.apache.https}", self.tls, DOMAIN)


def behind_apache(installation: Installation, name: str, bind: str, workers: int = 2) -> Gunicorn:
    """One machine's gunicorn.

    Apache runs as another user and must reach the socket: in production by its group, here by --umask 0.
    """
    environ = {**installation.environ, "DRAIN_FILE": str(installation.folder / f"{name}.drain")}
    log_file = installation.folder / f"{name}.log"
    return Gunicorn(bind, environ, log_file, workers=workers, options=["--umask", "0"])
