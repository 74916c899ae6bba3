"""Apache with the configuration of deploy/apache, on high ports of this machine."""

import os
import shutil
import signal
import ssl
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.support import ROOT, databases
from tests.support.cast import wait_until
from waitercaller.local import processes

DOMAIN = "call.waitercaller.test"
EXECUTABLE = "/usr/sbin/apache2"
MODULES = Path("/usr/lib/apache2/modules")
STOP_SECONDS = 15.0

# The relevant part of Debian's own configuration, which is read before ours.
BASE = """
ServerRoot "{folder}"
ServerName localhost
PidFile "{folder}/apache.pid"
DefaultRuntimeDir "{folder}"
Mutex "file:{folder}" default
ErrorLog "{folder}/error.log"
TypesConfig /etc/mime.types
SSLSessionCache "shmcb:{folder}/ssl(512000)"
AddOutputFilterByType DEFLATE text/html text/plain text/xml text/css text/javascript
RequestReadTimeout header=20-40,minrate=500 body=10,minrate=500
Listen 127.0.0.1:{http}
Listen 127.0.0.1:{https}
<Directory />
    Options FollowSymLinks
    AllowOverride None
    Require all denied
</Directory>
"""
# Debian's log of hosts without their own log: must not get requests of ours.
COMMON_LOG = 'LogFormat "%r" common\nCustomLog "{folder}/others.log" common\n'


class Apache:
    """Serves DOMAIN on two ports of 127.0.0.1, from gunicorn on `socket`, or as the balancer of `webs`.

    Apache does not run as root, so its folder is outside of pytest's, and the files it serves are copied there.
    """

    def __init__(self, webs: Sequence[str] = ()) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="waitercaller-apache-"))
        self.user = "www-data" if os.geteuid() == 0 else None
        self.http, self.https, self.metrics = (databases.free_port() for _ in range(3))
        self.cert, self.key = self.folder / "cert.pem", self.folder / "key.pem"
        self.webroot = self.folder / "acme"
        self.socket = self.folder / "gunicorn.sock"
        backends = {f"WC_WEB{number}": f"http://{web}" for number, web in enumerate(webs, 1)}
        self.settings: dict[str, object] = {
            "WC_DOMAIN": DOMAIN,
            "WC_ROOT": self.folder / "root",
            "WC_STATIC_VERSION": "0",
            "WC_WEBROOT": self.webroot,
            "WC_CERT": self.cert,
            "WC_KEY": self.key,
            "WC_HTTP_PORT": self.http,
            "WC_HTTPS_PORT": self.https,
            "WC_METRICS_PORT": self.metrics,
            **(backends or {"WC_SOCKET": self.socket}),
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._lay_out()
        self.set()

    @property
    def url(self) -> str:
        return f"https://{DOMAIN}:{self.https}"

    @property
    def pid(self) -> int:
        return int((self.folder / "apache.pid").read_text())

    @property
    def generations(self) -> int:
        """The number of times it has loaded its configuration."""
        return self.log("error").count("resuming normal operations")

    def log(self, name: str) -> str:
        file = self.folder / f"{name}.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def trust(self) -> ssl.SSLContext:
        """A TLS context that trusts the certificate made here."""
        context = ssl.create_default_context(cafile=str(self.cert))
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # it is self-signed
        return context

    def start(self) -> None:
        """Start it in the foreground, and wait until it listens."""
        started = self.generations + 1
        with (self.folder / "out.log").open("ab") as output:
            process = processes.start(self.command("-DFOREGROUND"), environ=self.environ, output=output)
        self._process = process
        wait_until(lambda: self.generations >= started or process.poll() is not None)
        assert process.poll() is None, self.log("out") + self.log("error")

    def stop(self) -> None:
        if self._process is not None:
            processes.stop(self._process, STOP_SECONDS)
            self._process = None

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self.folder)

    def reload(self) -> None:
        """Reload gracefully, as apache2ctl does; wait until it is done."""
        before = self.generations
        os.kill(self.pid, signal.SIGUSR1)
        wait_until(lambda: self.generations > before)

    def command(self, *arguments: str) -> list[str]:
        return self.as_user([EXECUTABLE, "-f", str(self.folder / "apache.conf"), *arguments])

    def as_user(self, command: list[str]) -> list[str]:
        """This command, run as Apache's user."""
        if self.user is None:
            return command
        return [
            "setpriv",
            "--reuid",
            self.user,
            "--regid",
            self.user,
            "--clear-groups",
            "--pdeathsig",
            "TERM",
            *command,
        ]

    @property
    def environ(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "APACHE_LOG_DIR": str(self.folder)}

    def certify(self, days: int = 30) -> None:
        """Create a self-signed certificate."""
        certify(self.cert, self.key, DOMAIN, days)
        self.hand_over(self.cert)
        self.hand_over(self.key)

    def hand_over(self, path: Path) -> None:
        """Make Apache's user the owner of this file or folder, recursively."""
        if self.user:
            for each in (path, *path.rglob("*")):
                shutil.chown(each, self.user, self.user)

    def _lay_out(self) -> None:
        self.folder.chmod(0o755)
        for part in ("static", "deploy/apache", "deploy/letsencrypt"):
            shutil.copytree(ROOT / part, self.folder / "root" / part)
        (self.webroot / ".well-known" / "acme-challenge").mkdir(parents=True)
        self.hand_over(self.folder)

    def set(self, **settings: object) -> None:
        """Write the configuration, with these Define lines changed."""
        self.settings |= settings
        modules = (ROOT / "deploy/apache/modules").read_text().splitlines()[-1].split()
        lines = [f'LoadModule {module}_module "{MODULES}/mod_{module}.so"' for module in modules]
        lines += [
            BASE.format(folder=self.folder, http=self.http, https=self.https),
            COMMON_LOG.format(folder=self.folder),
        ]
        lines += [f'Define {name} "{value}"' for name, value in self.settings.items()]
        balancer = ["balancer.conf"] if "WC_WEB1" in self.settings else []
        for file in ("mpm.conf", *balancer, "catch-all.conf", "waitercaller.conf"):
            lines.append(f'Include "${{WC_ROOT}}/deploy/apache/{file}"')
        (self.folder / "apache.conf").write_text("\n".join(lines) + "\n")


def certify(cert: Path, key: Path, name: str, days: int) -> None:
    """Create a key and a self-signed certificate for `name`."""
    command: list[str | Path] = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
    ]
    command += ["-keyout", key, "-out", cert, "-days", str(days), "-subj", f"/CN={name}"]
    command += ["-addext", f"subjectAltName=DNS:{name}", "-addext", "basicConstraints=critical,CA:FALSE"]
    subprocess.run(command, check=True, capture_output=True)
