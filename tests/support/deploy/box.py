"""A machine to install on, with the external services it needs, and visitors of its site."""

import email
import json
import sys
from pathlib import Path

from tests.support import CERTIFICATES
from tests.support.deploy.machine import Machine

DOMAIN = "call.waitercaller.test"
BOSS = "boss@waitercaller.test"
DATABASE = "mongodb://127.0.0.1:27017/waitercaller?retryWrites=false"
INSTALL = (
    f"/source/deploy/install.sh {DOMAIN} {BOSS} --mongodb-uri '{DATABASE}' --acme-server https://localhost:14000/dir"
)
MAIL = " --mail-server 127.0.0.1 --mail-port 2525 --mail-security none"
PIP = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/wheels"}
CHANGED_FOLDERS = ("etc", "opt", "usr", "var/lib", "var/backups", "root")


class Box(Machine):
    """A machine with a database, a mail server and a certificate authority."""

    def surround(self) -> None:
        programs = Path(sys.executable).parent
        (self.folder / "secantusd.toml").touch()
        database: list[str | Path] = [
            "--config",
            self.folder / "secantusd.toml",
            "--storage-path",
            self.folder / "database",
        ]
        self.beside(programs / "secantusd-py", *database, "--host", "127.0.0.1", "--port", "27017")
        mailbox: list[str | Path] = [
            "-n",
            "-l",
            "127.0.0.1:2525",
            "-c",
            "aiosmtpd.handlers.Mailbox",
            self.folder / "mail",
        ]
        self.beside(sys.executable, "-m", "aiosmtpd", *mailbox)
        self.beside("pebble-challtestsrv", "-defaultIPv4", "127.0.0.1", "-defaultIPv6", "")
        pebble = {
            "listenAddress": "127.0.0.1:14000",
            "managementListenAddress": "127.0.0.1:15000",
            "certificate": str(CERTIFICATES / "server.pem"),
            "privateKey": str(CERTIFICATES / "server.pem"),
            "httpPort": 80,
            "tlsPort": 443,
        }
        (self.folder / "pebble.json").write_text(json.dumps({"pebble": pebble}))
        command: list[str | Path] = ["pebble", "-config", self.folder / "pebble.json", "-dnsserver", "127.0.0.1:8053"]
        self.beside(*command, PEBBLE_VA_NOSLEEP="1", PEBBLE_WFE_NONCEREJECT="0")
        self.run(f"echo '127.0.0.1 {DOMAIN} localhost' >/etc/hosts")
        # Clients on this machine trust Pebble, as others trust Let's Encrypt.
        self.run(
            "until curl -skf https://localhost:15000/roots/0 >/usr/local/share/ca-certificates/pebble.crt;"
            " do sleep .1; done; update-ca-certificates"
        )

    def do(self, script: str, *, check: bool = True) -> str:
        """Run one of our scripts as an operator does."""
        authority = "/source/tests/certificates/authority.pem"
        try:
            return self.run(script, check=check, REQUESTS_CA_BUNDLE=authority, READY_SECONDS="60", **PIP).stdout
        except AssertionError as failure:
            failure.add_note(self.run("journalctl --unit waitercaller --lines 60 --no-pager", check=False).stdout)
            raise

    def stand_in(self, program: str, script: str) -> str:
        """Shell code to put before a command, which replaces `program` on its PATH by `script`."""
        folder = f"/tmp/for-{program}"
        self.run(f"mkdir -p {folder}; install /dev/stdin {folder}/{program} <<'END'\n#!/bin/sh\n{script}\nEND")
        return f"PATH=/tmp/for-{program}:$PATH "

    def mails(self) -> list[str]:
        """The subjects of the mails to the operator, oldest first.

        Sorted by modification time: file names have microseconds without leading zeros, and sort wrongly.
        """
        files = sorted((self.folder / "mail" / "new").glob("*"), key=lambda file: file.stat().st_mtime_ns)
        return [str(email.message_from_bytes(file.read_bytes())["Subject"]) for file in files]

    def snapshot(self) -> dict[str, tuple[int, int, str]]:
        """All files changed on the machine since it was created, with mode, time and link target."""
        upper = self.folder / "upper"
        found = {}
        for file in (file for folder in CHANGED_FOLDERS for file in (upper / folder).rglob("*")):
            status = file.lstat()
            target = str(file.readlink()) if file.is_symlink() else ""
            found[str(file.relative_to(upper))] = (status.st_mode, status.st_mtime_ns if file.is_file() else 0, target)
        return found

    def status(self, path: str, options: str = "") -> str:
        return self.run(
            f"curl -s -m 5 -o /dev/null -w '%{{http_code}}' {options} https://{DOMAIN}{path}", check=False
        ).stdout

    def version(self) -> str:
        return self.run("basename $(readlink /opt/waitercaller/current)").stdout.strip()

    def next_version(self, name: str, change: str = "true") -> str:
        """Create a checkout of another version, changed by the shell code `change`; returns its deploy/ folder."""
        shipped = "deploy waitercaller static templates *.py *.t* *.md LICENSE"
        self.run(f"mkdir /tmp/{name} && cd /source && cp -a --no-preserve=ownership {shipped} /tmp/{name}")
        self.run(f"cd /tmp/{name} && sed -i 's/^version = .*/version = \"{name}\"/' pyproject.toml && {change}")
        return f"/tmp/{name}/deploy"


class Visitors:
    """Requests two pages again and again, each time on a new connection."""

    def __init__(self, box: Box) -> None:
        self.box = box
        box.run("rm -f /tmp/leave /tmp/visits")
        loop = (
            "until [ -e /tmp/leave ]; do"
            f" curl -s -o /dev/null -m 20 -w '%{{http_code}}\\n' https://{DOMAIN}/login https://{DOMAIN}/ -o /dev/null"
            " >>/tmp/visits; sleep .1; done; touch /tmp/left"
        )
        box.run(f'systemd-run --quiet --unit visitors-$RANDOM bash -c "{loop}"')

    def leave(self) -> list[str]:
        """Stop, after a few more requests; returns the statuses of all responses."""
        self.box.run("touch /tmp/leave; sleep 0.5")
        return self.box.run("cat /tmp/visits").stdout.split()
