"""Invalid arguments of install.sh are refused before anything is changed."""

import subprocess
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
    ],
)
def test_what_cannot_be_used_is_refused_before_anything_is_changed(words: list[str], reason: str) -> None:
    done = install(*words)
    assert done.returncode == 1
    assert reason in done.stderr
    assert "==" not in done.stdout  # no step was started
    assert "secret" not in done.stderr


def test_a_password_comes_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "uri").write_text("mongodb://us:secret@db1.example.org,db2.example.org:27017/waitercaller?tls=true\n")
    (tmp_path / "password").write_text("a secret\n")
    done = install("--mongodb-uri-file", tmp_path / "uri", "--mail-password-file", tmp_path / "password")
    assert done.returncode == 0, done.stderr
    assert "would set" in done.stdout
    assert "secret" not in done.stdout + done.stderr
    done = install("--mongodb-uri", "mongodb://db1.example.org:27017,db2.example.org:27017/waitercaller")
    assert done.returncode == 0, done.stderr
