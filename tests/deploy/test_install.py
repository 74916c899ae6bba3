"""install.sh, upgrade.sh and uninstall.sh, run for real: systemd, Apache, certbot, gunicorn in its sandbox.

The machine is made by debootstrap and booted in namespaces (machine.py). Its database is the embedded one, its mail
server aiosmtpd, its certificate authority Pebble, all on its own loopback network. The tests depend on each other and
run in order. They do not cover install-mongodb.sh.
"""

import json
import subprocess
from collections.abc import Iterator

import pytest

from tests.support import ROOT
from tests.support.cast import wait_until
from tests.support.deploy.box import DOMAIN, INSTALL, MAIL, PIP, Box, Visitors
from tests.support.deploy.machine import can_boot

DEPLOY = ROOT / "deploy"


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
    scripts = [*DEPLOY.rglob("*.sh"), DEPLOY / "waitercaller", ROOT / "tests/support/deploy/machine.sh"]
    done = subprocess.run(["shellcheck", "--external-sources", *scripts], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_a_clock_that_is_set_meanwhile_shortens_no_wait():
    """As NTP sets a new machine's clock soon after its start."""
    ready = "ready() { SECONDS=$((SECONDS + 3600)); ((++tries > 2)); }"
    wait = f". {DEPLOY}/lib.sh; tries=0; {ready}; wait_until_ready /socket 30"
    assert subprocess.run(["bash", "-uc", wait]).returncode == 0


def test_a_dry_run_prints_every_step_and_changes_nothing(box):
    before = box.snapshot()
    said = box.do(f"{INSTALL}{MAIL} --dry-run")
    for step in (
        "Packages", "Database", "The users", "The application", "The settings", "Collections, indexes", "The service",
        "Apache", "The certificate", "Timers", "Is it true",
    ):  # fmt: skip
        assert f"== {step}" in said
    assert "certbot certonly" in said
    assert "systemctl restart apache2" in said
    assert box.snapshot() == before


def test_without_a_mail_server_it_stops_and_says_how_to_go_on(box):
    # Some systems give root such a umask; the service's user must still be able to read the installed files.
    said = box.run(f"umask 077; {INSTALL}", check=False, **PIP)
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
    assert [command.split()[-1] for command in commands] == ["build-database"]  # which creates missing indexes
    assert box.snapshot() == before
    assert running() == ran


def test_a_second_run_does_what_one_that_failed_has_left_undone(box):
    def is_served_by(sender: str) -> bool:
        environment = "/proc/$(systemctl show -P MainPID waitercaller)/environ"
        return sender in box.run(f"tr '\\0' '\\n' <{environment}").stdout

    renamed = f"{INSTALL} --mail-sender 'Another <another@waitercaller.test>'"
    site = "/etc/apache2/sites-available/000-waitercaller.conf"
    box.do(box.stand_in("setpriv", "exit 1") + renamed, check=False)  # build-database fails
    assert "another@" in box.run("cat /etc/waitercaller/env").stdout
    assert not is_served_by("another@")
    box.run(f"echo '# by hand' >>{site}")
    said = box.do(box.stand_in("apache2ctl", "exit 1") + renamed, check=False)
    assert is_served_by("another@")
    assert "restart apache2" not in said
    assert "by hand" not in box.run(f"cat {site}").stdout
    box.run("sed -i 's/Description=.*/Description=By hand/' /etc/systemd/system/waitercaller-backup.timer")
    no_reload = box.stand_in("systemctl", '[ "$1" != daemon-reload ] && exec /usr/bin/systemctl "$@"')
    box.do(no_reload + renamed, check=False)
    said = box.do(renamed)
    assert "systemctl daemon-reload" in said
    assert "systemctl restart apache2" in said
    assert "systemctl" not in box.do(renamed)


def test_two_runs_do_not_change_the_machine_at_once(box):
    before = box.snapshot()
    said = box.do(f"flock /run/waitercaller-deploy.lock {INSTALL}", check=False)
    assert "is at work on this machine" in said
    assert box.snapshot() == before


def test_a_machine_that_serves_one_name_does_not_take_another(box):
    before = box.snapshot()
    said = box.do(INSTALL.replace(DOMAIN, "other.waitercaller.test") + MAIL, check=False)
    assert f"this machine serves {DOMAIN}" in said
    assert f"certbot delete --cert-name {DOMAIN}" in said
    assert box.snapshot() == before


def test_the_passwords_of_mongodb_outlive_a_run_that_fails(box):
    first = box.stand_in("mongosh", "grep '^const PASSWORDS' >>/tmp/asked; exit 1")
    make = ". /source/deploy/lib.sh; . /source/deploy/install-mongodb.sh; wait_for_port; create_users"
    for _ in range(2):
        box.run(f"! {first} bash -c 'set -e; SOURCE=/source; declare -A GIVEN; {make}'")
    one, other = box.run("sed -n '/^const/s/.*{//p' /tmp/asked").stdout.splitlines()
    assert one == other
    passwords = json.loads("{" + one.rstrip("},") + "}")
    assert list(passwords) == ["admin", "waitercaller", "waitercaller-backup", "waitercaller-restore"]
    assert len(set(passwords.values())) == 4
    assert all(len(password) == 48 for password in passwords.values())
    assert box.run("stat -c '%a %U' /etc/waitercaller/mongodb-passwords").stdout == "600 root\n"


def test_the_ways_into_the_database_are_kept_from_whom_they_are_not_for(box):
    """After mongosh each URI is in a file that only its user can read; the settings have the application's."""
    made = box.stand_in("mongosh", "cat >/dev/null")
    write = "create_users; echo ${GIVEN[MONGODB_URI]%%:*} ${BACKUP_URI%:*}"
    sources = "SOURCE=/source; declare -A GIVEN; . /source/deploy/lib.sh; . /source/deploy/install-mongodb.sh"
    said = box.run(f"{made} bash -c 'set -e; {sources}; {write}'").stdout
    assert said.splitlines()[-1] == "mongodb mongodb://waitercaller-backup"
    assert box.run("stat -c '%a %U' /etc/waitercaller/restore.env").stdout == "600 root\n"
    known = box.run(". /etc/waitercaller/restore.env; echo $RESTORE_MONGODB_URI $ADMIN_MONGODB_URI").stdout
    assert [uri.partition(":")[2].partition(":")[0] for uri in known.split()] == ["//waitercaller-restore", "//admin"]
    box.run("rm /etc/waitercaller/restore.env")

    box.run("echo 'mongodb://backup:secret@127.0.0.1/' >/root/uri")
    box.do(f"{INSTALL} --backup-mongodb-uri-file /root/uri")
    assert box.run("cat /etc/waitercaller/backup.env").stdout == (
        "BACKUP_MONGODB_URI='mongodb://backup:secret@127.0.0.1/'\n"
    )
    assert box.run("stat -c '%a %U:%G' /etc/waitercaller/backup.env").stdout == "640 root:waitercaller-backup\n"
    box.do(INSTALL)  # kept by a run without the option
    read = "setpriv --reuid {0} --regid {0} --init-groups cat /etc/waitercaller/backup.env"
    box.run(read.format("waitercaller-backup"))
    box.run(f"! {read.format('waitercaller')}")
    box.run("! setpriv --reuid waitercaller --regid waitercaller --init-groups ls /var/backups/waitercaller")
    environ = "tr '\\0' '\\n' </proc/$(systemctl show -P MainPID waitercaller)/environ"
    assert "secret" not in box.run(environ).stdout
    assert "secret" not in box.run("cat /etc/waitercaller/env").stdout
    # It is removed from where an earlier installation had it.
    box.run("echo \"BACKUP_MONGODB_URI='mongodb://earlier@127.0.0.1/'\" >>/etc/waitercaller/env")
    box.do(INSTALL)
    assert "BACKUP" not in box.run("cat /etc/waitercaller/env").stdout
    assert "earlier" in box.run("cat /etc/waitercaller/backup.env").stdout


def test_mongod_is_started_again_after_a_crash(box):
    unit = "[Service]\nExecStart=/bin/sleep infinity\n"
    box.run(f"printf '{unit}' >/etc/systemd/system/mongod.service; mkdir -p /etc/systemd/system/mongod.service.d")
    box.run("cp /source/deploy/mongodb/restart.conf /etc/systemd/system/mongod.service.d/; systemctl daemon-reload")
    box.run("systemctl start mongod; systemctl kill --signal=KILL mongod")
    wait_until(lambda: box.run("systemctl show -P NRestarts mongod").stdout.strip() == "1", seconds=20)
    box.run("systemctl is-active mongod; systemctl stop mongod; rm /etc/systemd/system/mongod.service")
    box.run("rm /etc/systemd/system/mongod.service.d/restart.conf; systemctl daemon-reload")


def test_a_fault_of_a_unit_is_mailed(box):
    box.run("systemctl start 'waitercaller-failed@certbot.service.service'")
    assert box.mails()[-1].endswith("certbot.service has failed")


def test_a_backup_is_made_in_its_sandbox(box):
    box.run("systemctl start waitercaller-backup.service")
    made = "/var/backups/waitercaller/waitercaller-*.bson.gz"  # without MongoDB's tools
    assert box.run(f"stat -c '%a %U' {made}").stdout == "600 waitercaller-backup\n"


def test_a_certificate_that_is_about_to_end_is_reported(box):
    count = len(box.mails())
    box.run("systemctl start waitercaller-certificate.service")
    assert len(box.mails()) == count  # Pebble's certificates last for years
    files = "-keyout /tmp/old.key -out /tmp/old.crt"
    box.run(f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 5 -subj /CN=old {files}")
    serve = "openssl s_server -accept 443 -cert /tmp/old.crt -key /tmp/old.key -quiet"
    box.run(f"systemctl stop apache2; systemd-run --quiet --unit old {serve}")
    box.run("until (: </dev/tcp/127.0.0.1/443) 2>/dev/null; do sleep .1; done")
    box.run("systemctl start waitercaller-certificate.service; systemctl stop old; systemctl start apache2")
    assert f"certificate of {DOMAIN}" in box.mails()[-1]


@pytest.fixture
def visitors(box: Box) -> Iterator[Visitors]:
    """Continuous requests, each on its own connection, during the test."""
    visitors = Visitors(box)
    yield visitors
    visitors.leave()


def kept(box: Box, style: str) -> str:
    """The Cache-Control of this file."""
    return str(box.run(f"curl -s -o /dev/null -w '%header{{cache-control}}' https://{DOMAIN}{style}").stdout)


def test_an_upgrade_loses_no_request(box, visitors):
    style = box.run(f"curl -s https://{DOMAIN}/ | grep -o '/static/[^\"]*css' | head -n 1").stdout.strip()
    assert "immutable" in kept(box, style)
    before = box.version()
    box.run("userdel waitercaller-backup")  # as if the previous version had no such user
    box.next_version("0.2.0", "echo '/* new */' >>static/css/base.css")
    box.run("cd /tmp && tar -czf 0.2.0.tar.gz 0.2.0 && sha256sum 0.2.0.tar.gz >SHA256SUMS && rm -r 0.2.0")
    box.do("/opt/waitercaller/current/deploy/upgrade.sh /tmp/0.2.0.tar.gz")  # as from a release, without git
    statuses = visitors.leave()
    assert box.version().startswith("0.2.0-")
    assert box.run("stat -c %U /var/backups/waitercaller").stdout == "waitercaller-backup\n"
    wait_until(lambda: "new" in box.run(f"curl -s https://{DOMAIN}/static/x/css/base.css | tail -n 1").stdout)
    assert kept(box, style) == "no-store"  # a file of another version now
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
        said = box.do(f"READY_SECONDS=15 {deploy}/upgrade.sh", check=False)
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


def test_an_upgrade_that_was_interrupted_is_undone_and_made_again(box):
    before = box.version()
    deploy = box.next_version("0.5.0", "echo '/* newer */' >>static/css/base.css")
    interrupt = '[ "$1" = restart ] && kill -KILL $PPID && exit; exec /usr/bin/systemctl "$@"'
    box.do(f"{box.stand_in('systemctl', interrupt)} {deploy}/upgrade.sh", check=False)
    assert box.version().startswith("0.5.0-")
    # Apache has not been reloaded: it allows caching for its own release's version only.
    version = f"$(sed -n 's/Define WC_STATIC_VERSION //p' /opt/waitercaller/releases/{before}/release.conf)"
    assert "newer" not in box.run(f"curl -sf https://{DOMAIN}/static/{version}/css/base.css").stdout
    assert "newer" in box.run(f"curl -sf https://{DOMAIN}/static/of-the-new-pages/css/base.css").stdout
    said = box.do(f"{deploy}/upgrade.sh --rollback")
    assert f"was interrupted: first back to /opt/waitercaller/releases/{before}" in said
    assert box.version() == before

    box.do(f"PATH=/tmp/for-systemctl:$PATH {deploy}/upgrade.sh", check=False)
    said = box.do(f"{deploy}/upgrade.sh")
    assert "was interrupted" in said
    assert box.version().startswith("0.5.0-")
    assert box.run("basename $(readlink /opt/waitercaller/previous)").stdout.strip() == before
    assert box.status("/") == "200"
    assert "runs already" in box.do(f"{deploy}/upgrade.sh")

    box.do(f"PATH=/tmp/for-systemctl:$PATH {deploy}/upgrade.sh --rollback", check=False)
    box.do(f"{deploy}/upgrade.sh --rollback")
    assert box.version() == before


def test_uninstalling_keeps_what_cannot_be_made_again(box):
    key = box.run("grep _KEY= /etc/waitercaller/env; touch /var/backups/waitercaller/kept").stdout
    box.run("install -D /dev/null /etc/systemd/system/waitercaller.socket.d/listen.conf")  # as of --listen
    said = box.do("/source/deploy/uninstall.sh")
    for place in ("/etc/waitercaller/env", "/var/backups/waitercaller", "/etc/letsencrypt"):
        assert place in said
    box.run("! ls -d /opt/waitercaller /usr/local/sbin/waitercaller /etc/systemd/system/waitercaller* 2>/dev/null")
    # systemd forgets a unit that is gone a moment later.
    wait_until(lambda: not box.run("systemctl list-units --all --no-legend 'waitercaller*'").stdout.strip())
    box.run("ls /var/backups/waitercaller/kept")
    assert "Kept" in box.do("/source/deploy/uninstall.sh")  # again, as after an interrupted run

    assert "Done: ready at 127.0.0.1:8000" in box.do(f"{INSTALL} --listen 127.0.0.1:8000")
    assert "Done" in box.do(INSTALL)
    assert box.run("grep _KEY= /etc/waitercaller/env").stdout == key


def test_a_web_machine_behind_a_balancer_listens_and_drains(box):
    here = "curl -s -m 5 -o /dev/null -w '%{http_code}' http://127.0.0.1:8000/readyz"
    box.do(f"{INSTALL} --listen 127.0.0.1:8000")
    assert box.run(here).stdout == "200"
    box.run("systemctl stop waitercaller.socket waitercaller")
    box.run("systemd-run --quiet --unit squatter python3 -m http.server 8000")
    box.run("until curl -s -o /dev/null http://127.0.0.1:8000; do sleep .1; done")
    box.run("systemctl start waitercaller; systemctl stop squatter", check=False)
    # Both are mailed at the same time, in any order; the one of the socket has the reason.
    units = ("waitercaller.socket", "waitercaller.service")
    wait_until(lambda: all(any(f" {unit} has failed" in mail for mail in box.mails()) for unit in units))
    both = "Define WC_WEB1 http://127.0.0.1:8000\nDefine WC_WEB2 http://127.0.0.1:8001\n"
    include = "Include /opt/waitercaller/current/deploy/apache/balancer.conf\n"
    box.run(f"printf '{both}{include}' >/etc/waitercaller/balancer.conf")
    box.do(INSTALL, check=False)  # this machine is balancer and web machine, so TRUSTED_HOSTS is set again
    box.do(f"{INSTALL} --listen 127.0.0.1:8000")
    assert "balancer" in box.run("apache2ctl -t -D DUMP_INCLUDES").stdout
    wait_until(lambda: box.status("/readyz") == "200")
    box.run("touch /run/waitercaller/drain")
    wait_until(lambda: box.status("/readyz") == "503")
    box.run("systemctl restart waitercaller")
    wait_until(lambda: box.status("/readyz") == "200")


def test_a_web_machine_listens_where_the_network_comes_later(box):
    """As at boot: systemd binds the address before the interface has it."""
    there = f"{INSTALL} --listen 192.0.2.11:8000"
    assert "http://192.0.2.11:8000/readyz does not answer" in box.do(there, check=False)
    box.run("ip address add 192.0.2.11/32 dev lo")
    box.run("curl -sf -m 5 http://192.0.2.11:8000/readyz")
    assert "Done: ready at 192.0.2.11:8000" in box.do(there)
