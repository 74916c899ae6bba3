"""Many restaurants behind Apache, as set up by install.sh; gunicorn's socket outlives it, as systemd's does."""

import os
import resource
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from tests.support import ROOT
from tests.support.cast import Browser, device, hire
from tests.support.deploy.site import Site
from tests.support.gunicorn import Gunicorn
from waitercaller.db.client import patiently
from waitercaller.model import tables

BACKLOG = 4096  # deploy/systemd/waitercaller.socket
SCREENS_OF_A_RESTAURANT, SCREENS_OF_A_LOGIN = 20, 10
RESTAURANTS_OF_A_NET = 250  # each has one address in 127.0.0.0/8, as all of a restaurant share its Wi-Fi's


class Activated(Gunicorn):
    """gunicorn on a socket that it inherits: while it restarts, requests wait in the socket's backlog."""

    def __init__(self, path: Path, environ: Mapping[str, str], log_file: Path, **options: Any) -> None:
        super().__init__(f"unix:{path}", environ, log_file, **options)
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(path))
        path.chmod(0o666)  # Apache runs as another user
        self._listening.listen(BACKLOG)

    def launch(self, output: IO[bytes]) -> subprocess.Popen[bytes]:
        """As systemd does: the socket is descriptor 3, and LISTEN_PID says for whom."""
        descriptor = self._listening.fileno()
        script = f'exec 3<&{descriptor}; LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"'
        return subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", "bash", "-c", script, "bash", *self.command],
            cwd=ROOT,
            env=os.environ | self.environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=[descriptor],
        )

    def close(self) -> None:
        self.stop()
        self._listening.close()


class House(Site):
    """`plan` is what the load generator needs: for each restaurant its address, logins and tables."""

    def __init__(self, folder: Path, screens: int, guests: int, *, signs: bool) -> None:
        super().__init__(folder)
        log = folder / "gunicorn.log"
        self.gunicorn = self.activated = Activated(
            self.apache.socket, self.environ, log, options=["--log-level", "warning"], target="wsgi:app"
        )
        self.wanted = screens, guests
        self.plan: dict[str, Any] = {"port": self.apache.https, "signs": signs, "restaurants": []}

    def open(self) -> None:
        super().open()
        screens, guests = self.wanted
        count = -(-screens // SCREENS_OF_A_RESTAURANT)
        with patiently():
            for each in range(count):
                shares = [wanted // count + (each < wanted % count) for wanted in (screens, guests)]
                self.plan["restaurants"].append(self._restaurant(each, *shares))

    def close(self) -> None:
        super().close()
        self.activated.close()

    def _restaurant(self, each: int, screens: int, guests: int) -> dict[str, Any]:
        owner = hire(self.app, f"Owner{each}", restaurant=f"Trattoria {each}")
        counters = [device(self.app, owner, f"Counter {n}") for n in range(1, -(-screens // SCREENS_OF_A_LOGIN))]
        logins = [self._login(browser, owner.member_id) for browser in (owner.client, *counters)]
        with self.app.app_context():
            tables.add_many(owner.restaurant_id, [str(number) for number in range(1, guests + 1)], None)
            found = tables.of_restaurant(owner.restaurant_id)
        return {
            "home": owner.home,
            "source": f"127.{1 + each // RESTAURANTS_OF_A_NET}.0.{1 + each % RESTAURANTS_OF_A_NET}",
            "screens": [logins[screen // SCREENS_OF_A_LOGIN] for screen in range(screens)],
            "tables": [{"id": str(table["_id"]), "code": table["code"]} for table in found],
        }

    def _login(self, browser: Browser, member_id: str) -> dict[str, str]:
        token = browser.csrf_token("/")
        name = self.app.config["SESSION_COOKIE_NAME"]
        return {"cookie": f"{name}={browser.cookie(name)}", "token": token, "as": member_id}


def many_files() -> None:
    """Raise this process's limit of open files, and that of the programs it starts, as far as it may."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
