"""What the scripts refuse before anything is changed: bad arguments, a wrong AAAA record, another script at work."""

import fcntl
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import ROOT


def install(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """A dry run, so that an argument that is wrongly accepted changes nothing."""
    command = [ROOT / "deploy/install.sh", "--dry-run", "call.example.org", "boss@example.org", *words]
    return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--mail-username", "o'brien"], "MAIL_USERNAME must not hold a single quote"),
        (["--mail-server", "one\ntwo"], "MAIL_SERVER must not hold"),
        (["--listen", "[fd00::11]:8000"], "--listen takes an IPv4 address"),
        (["--listen", "web1.example.org:8000"], "--listen takes an IPv4 address"),
        (["--listen", "10.0.0.11"], "--listen takes an IPv4 address"),
        (["--mongodb-uri", "mongodb://us:secret@db1.example.org/waitercaller"], "--mongodb-uri-file"),
        (["--mongodb-uri-file", "/nowhere"], "/nowhere"),
        (["--mongodb-uri-file", "/dev/null"], "MONGODB_URI is empty"),
        (["--registration", "closed"], "--registration is open, invitation or first"),
        (["--trusted-proxies", "caddy"], "--trusted-proxies takes addresses"),
    ],
)
def test_what_cannot_be_used_is_refused_before_anything_is_changed(words: list[str], reason: str) -> None:
    done = install(*words)
    assert done.returncode == 1
    assert reason in done.stderr
    assert "==" not in done.stdout  # no step was started
    assert "secret" not in done.stderr


def test_a_password_comes_from_a_file_and_no_web_server_where_another_one_stands_before_it(tmp_path: Path) -> None:
    (tmp_path / "uri").write_text("mongodb://us:secret@db1.example.org,db2.example.org:27017/waitercaller?tls=true\n")
    (tmp_path / "password").write_text("a secret\n")
    done = install("--mongodb-uri-file", tmp_path / "uri", "--mail-password-file", tmp_path / "password")
    assert done.returncode == 0, done.stderr
    assert "would set" in done.stdout
    assert "secret" not in done.stdout + done.stderr
    assert "== Packages: ca-certificates curl openssl python3 python3-venv apache2 certbot\n" in done.stdout
    uri = "mongodb://db1.example.org:27017,db2.example.org:27017/waitercaller"
    done = install("--mongodb-uri", uri, "--listen", "127.0.0.1:8000")
    assert done.returncode == 0, done.stderr
    assert "== Packages: ca-certificates curl openssl python3 python3-venv\n" in done.stdout


@pytest.fixture
def stand_in(tmp_path: Path) -> Callable[..., dict[str, str]]:
    """`stand_in(curl="echo hello")`: an environment in which these commands run instead of the machine's."""

    def made(**commands: str) -> dict[str, str]:
        for name, script in commands.items():
            (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
            (tmp_path / name).chmod(0o755)
        return {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "WC_LOCK": str(tmp_path / "lock")}

    return made


IPV6 = "echo 2001:db8::66 STREAM call.example.org; echo ::ffff:192.0.2.1 STREAM"


@pytest.mark.parametrize(
    ("answers", "code", "said"),
    [
        ("echo another machine", 1, "has an AAAA record, 2001:db8::66, that leads to another machine"),
        ("exit 7", 0, "Nobody answers at 2001:db8::66"),
        ('for last; do :; done; echo "${last##*/}"', 0, ""),  # the name of the file that is asked for, which it holds
    ],
)
def test_an_aaaa_record_that_leads_elsewhere_is_named_before_certbot_is_asked(
    stand_in: Callable[..., dict[str, str]], tmp_path: Path, answers: str, code: int, said: str
) -> None:
    script = f". {ROOT}/deploy/install.sh; WEBROOT={tmp_path}/acme DOMAIN=call.example.org; check_ipv6"
    environ = stand_in(getent=IPV6, curl=answers)
    done = subprocess.run(["bash", "-c", script], env=environ, capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    assert said in done.stdout + done.stderr
    assert "192.0.2.1" not in done.stdout + done.stderr
    assert list((tmp_path / "acme").rglob("wc-*")) == []


@pytest.mark.parametrize("script", ["upgrade.sh", "restore.sh"])
def test_two_scripts_do_not_change_a_machine_at_once(
    stand_in: Callable[..., dict[str, str]], tmp_path: Path, script: str
) -> None:
    environ = {**stand_in(id="echo 0"), "MONGODB_URI": "mongodb://127.0.0.1:9/nothing"}
    command = [str(ROOT / "deploy" / script), *([str(tmp_path / "lock")] if script == "restore.sh" else [])]
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        print("install.sh, process 4711,", file=lock, flush=True)
        done = subprocess.run(command, env=environ, capture_output=True, text=True)
    assert done.returncode == 1
    assert "install.sh, process 4711, is at work on this machine" in done.stderr
