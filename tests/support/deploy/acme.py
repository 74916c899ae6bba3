"""An ACME test environment: Pebble, its DNS server, and certbot with the settings of deploy/letsencrypt."""

import json
import os
import shutil
import ssl
import subprocess
from pathlib import Path
from urllib.request import Request, urlopen

from tests.support import CERTIFICATES, databases
from tests.support.cast import wait_until
from tests.support.deploy.apache import DOMAIN, Apache
from tests.support.visits import visit
from waitercaller.local import processes

AUTHORITY, SERVER = CERTIFICATES / "authority.pem", CERTIFICATES / "server.pem"
STOP_SECONDS = 10.0


class Acme:
    """Issues certificates for names validated through `apache`'s http port."""

    def __init__(self, apache: Apache) -> None:
        # Runs as Apache's user: without root, files that only root can read would not be readable.
        self.apache = apache
        self.folder = apache.folder / "letsencrypt"
        self.hooks = apache.folder / "root" / "deploy" / "letsencrypt"
        self.port, self.management, self.dns, self.names = (databases.free_port() for _ in range(4))
        self._processes: list[subprocess.Popen[bytes]] = []
        self.folder.mkdir()
        shutil.copy(AUTHORITY, self.folder)
        apache.hand_over(self.folder)

    def start(self) -> None:
        config = {
            "listenAddress": f"127.0.0.1:{self.port}",
            "managementListenAddress": f"127.0.0.1:{self.management}",
            "certificate": str(SERVER),
            "privateKey": str(SERVER),
            "httpPort": self.apache.http,
            "tlsPort": 1,
        }
        (self.folder / "pebble.json").write_text(json.dumps({"pebble": config}))
        names = ["-dns01", f"127.0.0.1:{self.dns}", "-management", f"127.0.0.1:{self.names}", "-defaultIPv6", ""]
        self._run(["pebble-challtestsrv", *names, "-http01", "", "-https01", "", "-tlsalpn01", ""])
        self._run(["pebble", "-config", str(self.folder / "pebble.json"), "-dnsserver", f"127.0.0.1:{self.dns}"])
        wait_until(self._answers)

    def stop(self) -> None:
        for process in self._processes:
            processes.stop(process, STOP_SECONDS)

    def point_domain_to(self, address: str) -> None:
        """Set the A record of DOMAIN."""
        self._tell_names("clear-a", host=f"{DOMAIN}.")  # the server would add a second record
        self._tell_names("add-a", host=f"{DOMAIN}.", addresses=[address])

    def trust(self) -> ssl.SSLContext:
        """A TLS context that trusts the certificates issued here."""
        answer = visit(f"127.0.0.1:{self.management}", "/roots/0", tls=self._own_tls(), name="localhost")
        context = ssl.create_default_context(cadata=answer.text)
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # Pebble's certificates do not pass the strict check
        return context

    # --- certbot ----------------------------------------------------------------------------------------------

    @property
    def live(self) -> Path:
        """certbot's folder with the certificate in use."""
        return self.folder / "certbot" / "live" / DOMAIN

    @property
    def mails(self) -> str:
        """What the hooks mailed to the operator: subject lines and texts."""
        file = self.folder / "mails"
        return file.read_text() if file.exists() else ""

    def certbot(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run certbot in the test's folders."""
        command = ["certbot", *arguments]
        for name in ("config", "work", "logs"):
            place = self.folder / ("certbot" if name == "config" else name)
            command += [f"--{name}-dir", str(place)]
        command += ["--server", f"https://localhost:{self.port}/dir"]
        return self.run(command)

    def run(self, command: list[str], **environ: str) -> subprocess.CompletedProcess[str]:
        """Run certbot or a hook."""
        command, environ = self.apache.as_user(command), self.environ | environ
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=environ)

    def first_certificate(self) -> subprocess.CompletedProcess[str]:
        """Request it as install.sh does, with our settings and the test's paths."""
        given = ["--config", str(self.hooks / "cli.ini"), "-d", DOMAIN, "-m", "operator@example.org"]
        given += ["--webroot-path", str(self.apache.webroot), "--deploy-hook", str(self.hooks / "deployed.sh")]
        return self.certbot("certonly", *given)

    def renew(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Renew as certbot's timer does, without our settings."""
        return self.certbot("renew", "--no-random-sleep-on-renew", *arguments)

    @property
    def environ(self) -> dict[str, str]:
        """The environment of certbot and hooks: `apache2ctl` of the test's Apache, and mails into a file."""
        return {
            "PATH": os.environ["PATH"] + ":/usr/sbin",
            "REQUESTS_CA_BUNDLE": str(self.folder / AUTHORITY.name),
            "WC_APACHECTL": str(self._script("apachectl", self._apachectl())),
            "WC_NOTIFY": str(self._script("notify", f'{{ echo "Subject: $1"; cat; }} >> {self.folder}/mails')),
        }

    def _apachectl(self) -> str:
        program = f"apache2 -f {self.apache.folder}/apache.conf -t"
        reload = f"kill -USR1 $(cat {self.apache.folder}/apache.pid)"
        settings = " ".join(f"{name}={value}" for name, value in self.apache.environ.items())
        return f"case $1 in configtest) {settings} {program} ;; graceful) {reload} ;; *) exit 2 ;; esac"

    def _script(self, name: str, work: str) -> Path:
        file = self.folder / name
        file.write_text(f"#!/bin/sh\n{work}\n")
        file.chmod(0o755)
        return file

    # --- Pebble -----------------------------------------------------------------------------------------------

    def _run(self, command: list[str]) -> None:
        quick = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0", "PEBBLE_AUTHZREUSE": "0"}
        with (self.folder / f"{command[0]}.log").open("ab") as output:
            self._processes.append(processes.start(command, environ=os.environ | quick, output=output))

    def _answers(self) -> bool:
        try:
            self._tell_names("clear-a", host="nobody.")
            return visit(f"127.0.0.1:{self.port}", "/dir", tls=self._own_tls(), name="localhost").status == 200
        except OSError:
            return False

    def _tell_names(self, what: str, **record: object) -> None:
        urlopen(
            Request(f"http://127.0.0.1:{self.names}/{what}", json.dumps(record).encode()), timeout=STOP_SECONDS
        ).close()

    def _own_tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(AUTHORITY))
