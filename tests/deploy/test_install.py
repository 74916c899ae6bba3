"""install.sh, upgrade.sh and uninstall.sh, run for real: systemd, Apache, certbot, gunicorn in its sandbox.

The machine is made by debootstrap and booted in namespaces (machine.py). Its database is the tests' one, its mail
server aiosmtpd, its certificate authority Pebble, all on its own loopback network. The tests of a machine build on
each other, in the order they stand in; what they cannot try is install-mongodb.sh.
"""

import email
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cast import wait_until
from tests.deploy.machine import PROJECT, Machine, can_boot

DEPLOY = PROJECT / "deploy"
DOMAIN = "call.waitercaller.test"
BOSS = "boss@waitercaller.test"
DATABASE = "mongodb://127.0.0.1:27017/waitercaller?retryWrites=false"
CERTIFICATES = PROJECT / "tests" / "certificates"
INSTALL = (
    f"/source/deploy/install.sh {DOMAIN} {BOSS} --mongodb-uri '{DATABASE}' --acme-server https://localhost:14000/dir"
)
MAIL = " --mail-server 127.0.0.1 --mail-port 2525 --mail-security none"
PIP = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/wheels"}
PLACES = ("etc", "opt", "usr", "var/lib", "var/backups", "root")


class Box(Machine):
    """A machine with what it needs from elsewhere: a database, a mail server, a certificate authority."""

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
        # Visitors of this machine trust Pebble, as those of others trust Let's Encrypt.
        self.run(
            "until curl -skf https://localhost:15000/roots/0 >/usr/local/share/ca-certificates/pebble.crt;"
            " do sleep .1; done; update-ca-certificates"
        )

    def do(self, script: str, *, check: bool = True) -> str:
        """Run one of our scripts as an operator would."""
        authority = "/source/tests/certificates/authority.pem"
        return self.run(script, check=check, REQUESTS_CA_BUNDLE=authority, READY_SECONDS="15", **PIP).stdout

    def mails(self) -> list[str]:
        """The subjects of what has been mailed to the operator, the oldest first.

        By the time of the file: its name has the microseconds without leading zeros, and sorts wrongly within a second.
        """
        files = sorted((self.folder / "mail" / "new").glob("*"), key=lambda file: file.stat().st_mtime_ns)
        return [str(email.message_from_bytes(file.read_bytes())["Subject"]) for file in files]

    def snapshot(self) -> dict[str, tuple[int, int, str]]:
        """All that was changed on the machine since it was made: what, and when."""
        upper = self.folder / "upper"
        found = {}
        for file in (file for place in PLACES for file in (upper / place).rglob("*")):
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
        """A checkout with another version, in which the shell script `change` has been run; the path of its deploy/."""
        shipped = "deploy waitercaller static templates *.py *.t* *.md LICENSE"
        self.run(f"mkdir /tmp/{name} && cd /source && cp -a --no-preserve=ownership {shipped} /tmp/{name}")
        self.run(f"cd /tmp/{name} && sed -i 's/^version = .*/version = \"{name}\"/' pyproject.toml && {change}")
        return f"/tmp/{name}/deploy"


class Visitors:
    """Ask for two pages without a pause, each time by a new connection."""

    def __init__(self, box: Box) -> None:
        self.box = box
        box.run("rm -f /tmp/leave /tmp/visits")
        loop = (
            "until [ -e /tmp/leave ]; do"
            f" curl -s -o /dev/null -m 20 -w '%{{http_code}}\\n' https://{DOMAIN}/login https://{DOMAIN}/ -o /dev/null"
            " >>/tmp/visits; done; touch /tmp/left"
        )
        box.run(f'systemd-run --quiet --unit visitors-$RANDOM bash -c "{loop}"')

    def leave(self) -> list[str]:
        """Their answers' statuses, those after the last change included."""
        self.box.run("touch /tmp/leave; sleep 0.5")
        return self.box.run("cat /tmp/visits").stdout.split()


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    if problem := can_boot():
        pytest.skip(problem)
    machine = Box(tmp_path_factory.mktemp("machine"))
    try:
        machine.start()
        machine.surround()
        yield machine
    finally:
        machine.stop()


def test_the_shell_scripts_are_clean():
    scripts = [*DEPLOY.rglob("*.sh"), DEPLOY / "waitercaller", PROJECT / "tests/deploy/machine.sh"]
    done = subprocess.run(["shellcheck", "--external-sources", *scripts], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_a_dry_run_prints_every_step_and_changes_nothing(box):
    before = box.snapshot()
    said = box.do(f"{INSTALL}{MAIL} --dry-run")
    for step in (
        "Packages", "Database", "The user", "The application", "The settings", "Collections, indexes", "The service",
        "Apache", "The certificate", "Timers", "Is it true",
    ):  # fmt: skip
        assert f"== {step}" in said
    assert "certbot certonly" in said
    assert "systemctl restart apache2" in said
    assert box.snapshot() == before


def test_without_a_mail_server_it_stops_and_says_how_to_go_on(box):
    said = box.run(INSTALL, check=False, **PIP)
    assert said.returncode == 1
    assert "--mail-server" in said.stdout
    assert "/etc/waitercaller/env" in said.stdout
    assert box.run("stat -c '%a %U:%G' /etc/waitercaller/env").stdout == "640 root:waitercaller\n"


def test_it_installs_a_site_that_is_served_with_a_certificate(box):
    key = box.run("grep _KEY= /etc/waitercaller/env").stdout
    said = box.do(INSTALL + MAIL)
    assert said.rstrip().endswith(f"Done: https://{DOMAIN}/")
    assert "BAD" not in said
    assert box.run("grep _KEY= /etc/waitercaller/env").stdout == key
    assert [line.partition("=")[0] for line in key.splitlines()] == ["SECRET_KEY", "VAPID_PRIVATE_KEY"]
    assert all(len(line) > 50 for line in key.splitlines())
    issuer = box.run(f"openssl x509 -noout -issuer -in /etc/letsencrypt/live/{DOMAIN}/fullchain.pem").stdout
    assert "Pebble" in issuer
    [mail] = box.mails()
    assert mail.endswith("Waiter Caller is installed")
    box.run("systemd-analyze security --no-pager --threshold=15 waitercaller.service")


def test_a_second_run_changes_nothing(box):
    def running() -> str:
        shown = box.run("systemctl show -p ActiveEnterTimestamp -p MainPID waitercaller apache2 waitercaller.socket")
        return str(shown.stdout)

    before, ran = box.snapshot(), running()
    said = box.do(INSTALL + MAIL)
    assert "BAD" not in said
    commands = [line for line in said.splitlines() if line.startswith(("   $", "   wrote"))]
    assert [command.split()[-1] for command in commands] == ["build-database"]  # which creates what is missing
    assert box.snapshot() == before
    assert running() == ran


def test_a_fault_of_a_unit_is_mailed(box):
    box.run("systemctl start 'waitercaller-failed@certbot.service.service'")
    assert box.mails()[-1].endswith("certbot.service has failed")


def test_a_backup_is_made_in_its_sandbox(box):
    box.run("systemctl start waitercaller-backup.service")
    assert box.run("stat -c '%a %U' /var/backups/waitercaller/waitercaller-*.gz").stdout == "600 waitercaller\n"


def test_a_certificate_that_is_about_to_end_is_reported(box):
    count = len(box.mails())
    box.run("systemctl start waitercaller-certificate.service")
    assert len(box.mails()) == count  # Pebble's last years
    files = "-keyout /tmp/old.key -out /tmp/old.crt"
    box.run(f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 5 -subj /CN=old {files}")
    serve = "openssl s_server -accept 443 -cert /tmp/old.crt -key /tmp/old.key -quiet"
    box.run(f"systemctl stop apache2; systemd-run --quiet --unit old {serve}; sleep 1")
    box.run("systemctl start waitercaller-certificate.service; systemctl stop old; systemctl start apache2")
    assert f"certificate of {DOMAIN}" in box.mails()[-1]


@pytest.fixture
def visitors(box: Box) -> Iterator[Visitors]:
    """Ask for pages without a pause, one connection each, as long as the test lasts."""
    visitors = Visitors(box)
    yield visitors
    visitors.leave()


def test_an_upgrade_loses_no_request(box, visitors):
    before = box.version()
    deploy = box.next_version("0.2.0", "echo '/* new */' >>static/css/house.css")
    box.do(f"{deploy}/upgrade.sh")
    statuses = visitors.leave()
    assert box.version().startswith("0.2.0-")
    assert "new" in box.run(f"curl -s https://{DOMAIN}/static/x/css/house.css | tail -n 1").stdout
    assert len(statuses) > 20
    assert set(statuses) == {"200"}
    assert box.run("basename $(readlink /opt/waitercaller/previous)").stdout.strip() == before


def test_a_version_that_does_not_start_is_never_seen_by_visitors(box, visitors):
    before = box.version()
    unloadable = box.next_version("0.3.0", "echo 'raise SystemExit(1)' >>waitercaller/ops/views.py")
    unready = box.next_version("0.3.1", "sed -i '/^def readyz/a\\    raise KeyError' waitercaller/ops/views.py")
    for deploy in unloadable, unready:
        said = box.do(f"READY_SECONDS=3 {deploy}/upgrade.sh", check=False)
        assert "goes on as if nothing had been" in said
        assert box.version() == before
    assert set(visitors.leave()) == {"200"}


def test_a_version_that_is_only_ready_in_the_rehearsal_is_rolled_back(box):
    before = box.version()
    in_service = 'import os; assert "NOTIFY_SOCKET" not in os.environ'
    unready = box.next_version("0.4.0", f"sed -i '/^def readyz/a\\    {in_service}' waitercaller/ops/views.py")
    crashing = box.next_version("0.4.1", f"echo '{in_service}' >>wsgi.py")
    for deploy in unready, crashing:
        said = box.do(f"READY_SECONDS=4 {deploy}/upgrade.sh", check=False)
        assert "back to the old version" in said
        assert "runs again" in said
        assert box.version() == before
        assert box.status("/readyz") == "200"


def test_going_back_by_hand(box):
    box.do("/opt/waitercaller/current/deploy/upgrade.sh --rollback")
    assert box.version().startswith("0.1.0-")
    assert box.status("/") == "200"
    box.do("/opt/waitercaller/current/deploy/upgrade.sh --rollback")
    assert box.version().startswith("0.2.0-")


def test_uninstalling_keeps_what_cannot_be_made_again(box):
    key = box.run("grep _KEY= /etc/waitercaller/env; touch /var/backups/waitercaller/kept").stdout
    box.run("install -D /dev/null /etc/systemd/system/waitercaller.socket.d/listen.conf")  # as of --listen
    said = box.do("/source/deploy/uninstall.sh")
    for place in ("/etc/waitercaller/env", "/var/backups/waitercaller", "/etc/letsencrypt"):
        assert place in said
    box.run("! ls -d /opt/waitercaller /usr/local/sbin/waitercaller /etc/systemd/system/waitercaller* 2>/dev/null")
    assert box.run("systemctl list-units --all --no-legend 'waitercaller*'").stdout.strip() == ""
    box.run("ls /var/backups/waitercaller/kept")

    assert "Done" in box.do(INSTALL)
    assert box.run("grep _KEY= /etc/waitercaller/env").stdout == key


def test_a_web_machine_behind_a_balancer_listens_and_drains(box):
    here = "curl -s -m 5 -o /dev/null -w '%{http_code}' http://127.0.0.1:8000/readyz"
    box.do(f"{INSTALL} --listen 127.0.0.1:8000")
    assert box.run(here).stdout == "200"
    both = "Define WC_WEB1 http://127.0.0.1:8000\nDefine WC_WEB2 http://127.0.0.1:8001\n"
    include = "Include /opt/waitercaller/current/deploy/apache/balancer.conf\n"
    box.run(f"printf '{both}{include}' >/etc/waitercaller/balancer.conf")
    box.do(INSTALL, check=False)  # this machine is both, so TRUSTED_HOSTS is set again
    box.do(f"{INSTALL} --listen 127.0.0.1:8000")
    assert "balancer" in box.run("apache2ctl -t -D DUMP_INCLUDES").stdout
    wait_until(lambda: box.status("/readyz") == "200")
    box.run("touch /run/waitercaller/drain")
    wait_until(lambda: box.status("/readyz") == "503")
    box.run("systemctl restart waitercaller")
    wait_until(lambda: box.status("/readyz") == "200")
