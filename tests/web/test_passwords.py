"""Password rules and hashing."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from config import Config
from tests.support import ROOT
from waitercaller.web import passwords, threads


@pytest.fixture
def offline_app(make_app: Callable[[Config], Flask], config: Config) -> Iterator[Flask]:
    """An application without a database."""
    app = make_app(config)
    with app.test_request_context():
        yield app


@pytest.fixture
def mongodb_uri() -> str:
    return "mongodb://127.0.0.1:9/nobody"


@pytest.mark.parametrize(
    "password",
    [
        "tencharact",
        "x" * 128,
        " " * 10,
        "  spaces around  ",
        "pässwörter für alle",
        "🍝🍕🍷🥖🧀🫒🍅🥗🍰☕",
        "correct horse",
    ],
)
def test_any_words_will_do(offline_app: Flask, password: str) -> None:
    assert passwords.objection(password) is None
    assert passwords.verify(password, passwords.hashed(password))


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("", "at least 10"),
        ("ninechars", "at least 10"),
        ("x" * 129, "at most 128"),
        ("with\0nul in it", "cannot be used"),
    ],
)
def test_too_short_too_long_and_nul_are_refused_with_a_sentence(offline_app: Flask, password: str, words: str) -> None:
    assert words in str(passwords.objection(password))


@pytest.mark.parametrize(
    "password", ["1234567890", "qwertyuiop", "password123", "PassWord123", " 1q2w3e4r5t ", "iloveyou12", "blahblahblah"]
)
def test_what_many_people_use_is_refused(offline_app: Flask, password: str) -> None:
    assert "Many people use this" in str(passwords.objection(password))


def test_the_list_has_the_first_three_thousand_that_are_long_enough() -> None:
    """ASVS 5.0, 6.2.4; shorter ones are refused for their length."""
    common = passwords._common_passwords()
    assert len(common) > 10_000
    assert all(len(password) >= passwords.MIN_LENGTH and password == password.lower() for password in common)


@pytest.mark.parametrize(
    "password",
    [
        "trattoria lucia",
        "Trattoria Lucia ",
        "TRATTORIALUCIA",
        "alice.rossi@example.org",
        "Alice.Rossi@Example.org",
        "alice.rossi",
        "Alice Rossi",
        "Waiter Caller",
        "waitercaller",
    ],
)
def test_names_around_the_account_are_refused(offline_app: Flask, password: str) -> None:
    names = ("alice.rossi@example.org", "Alice Rossi", "Trattoria Lucia", "")
    assert "name that others know" in str(passwords.objection(password, *names))
    assert passwords.objection(password + " and her cat", *names) is None


def test_a_password_is_verified_as_it_was_typed(offline_app: Flask) -> None:
    password_hash = passwords.hashed("Correct Horse ")
    for other in ("correct horse ", "Correct Horse", "Correct Horse  ", "Correct Hors", "Correct Horse x"):
        assert not passwords.verify(other, password_hash)


@pytest.mark.asvs("6.2.9")
def test_nothing_is_cut_off_at_the_end(offline_app: Flask) -> None:
    password_hash = passwords.hashed("x" * 127 + "y")
    assert not passwords.verify("x" * 127 + "z", password_hash)
    assert not passwords.verify("x" * 127, password_hash)


def test_keyboards_that_write_accents_differently_type_the_same_password(offline_app: Flask) -> None:
    composed, decomposed = "caf\u00e9 crème brûlée", "cafe\u0301 cre\u0300me bru\u0302le\u0301e"
    assert passwords.verify(decomposed, passwords.hashed(composed))
    assert not passwords.verify("x² y² z² ab", passwords.hashed("x2 y2 z2 ab"))  # other characters stay other ones


def test_the_hash_is_argon2id_with_the_configured_parameters_and_its_own_salt(offline_app: Flask) -> None:
    hashes = {passwords.hashed("correct horse") for _ in range(2)}
    assert len(hashes) == 2
    assert all(one.startswith("$argon2id$v=19$m=8192,t=1,p=1$") for one in hashes)


def test_nobody_has_no_password_and_costs_the_same_work(offline_app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    verified: list[str] = []
    hasher = passwords._hasher()

    class Watched:
        @staticmethod
        def verify(password: str, password_hash: str) -> bool:
            verified.append(password_hash.rsplit("$", 2)[0])
            return bool(hasher.verify(password, password_hash))

    monkeypatch.setattr(passwords, "_hasher", lambda: Watched)
    somebody = passwords.verify("a wrong guess", hasher.hash("correct horse"))
    nobody = passwords.verify("a wrong guess", None)
    assert (somebody, nobody) == (False, False)
    assert verified == ["$argon2id$v=19$m=8192,t=1,p=1"] * 2


@pytest.mark.parametrize("change", [{"argon2_memory_kib": 16384}, {"argon2_rounds": 2}, {"argon2_threads": 2}])
def test_a_hash_with_other_parameters_is_good_but_due_for_renewal(
    offline_app: Flask, make_app: Callable[[Config], Flask], config: Config, change: dict[str, Any]
) -> None:
    password_hash = passwords.hashed("correct horse")
    assert not passwords.needs_update(password_hash)
    with make_app(replace(config, **change)).app_context():
        assert passwords.needs_update(password_hash)
        assert passwords.verify("correct horse", password_hash)


UNDER_GEVENT = """
from gevent import monkey
monkey.patch_all()
import os, sys, warnings
warnings.simplefilter("ignore")
import gevent
from config import Config
from waitercaller import create_app
from waitercaller.web import passwords

def tick():
    while True:
        ticks.append(1)
        gevent.sleep(0.001)  # not 0: a loop that never rests hardly hears the thread that has done its work

ticks = []
with create_app(Config.from_env(os.environ)).app_context():
    ticker = gevent.spawn(tick)
    password_hash = passwords.hashed("correct horse")
    hashing = len(ticks)
    good = passwords.verify("correct horse", password_hash)
    ticker.kill()
print(hashing > 10, len(ticks) - hashing > 10, good)
"""


@pytest.mark.slow
def test_hashing_does_not_stall_the_other_greenlets(tmp_path: Path) -> None:
    environment = {
        "MONGODB_URI": "mongodb://127.0.0.1:9/nobody",
        "PUBLIC_URL": "http://localhost",
        "SECRET_KEY": "a key for tests only: 7Qm2xKp9vR4tWz8b",
        "TRUSTED_HOSTS": "localhost",
        "MAIL_FOLDER": str(tmp_path),
        "MAIL_SENDER": "hello@waitercaller.test",
    }
    process = subprocess.run(
        [sys.executable, "-c", UNDER_GEVENT],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert process.stdout.split() == ["True", "True", "True"], process.stderr


SEVERAL_AT_ONCE = """
from gevent import monkey
monkey.patch_all()
import os, time, warnings
warnings.simplefilter("ignore")
import gevent
from gevent.threadpool import ThreadPool
from waitercaller.web import threads

running, most = [], []
def work():
    running.append(1)
    most.append(len(running))
    monkey.get_original("time", "sleep")(0.05)
    running.pop()
gevent.joinall([gevent.spawn(threads.in_thread, work) for _ in range(12)], raise_error=True)
print(len(most), max(most))
"""


def test_few_passwords_are_hashed_at_once_however_many_strangers_log_in() -> None:
    process = subprocess.run(
        [sys.executable, "-c", SEVERAL_AT_ONCE],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert process.stdout.split() == ["12", str(threads.MAX_THREADS)], process.stderr


REFUSED = """
from gevent import monkey
monkey.patch_all()
import warnings
warnings.simplefilter("ignore")
from waitercaller.web import threads

def work(text):
    raise ValueError(text)
try:
    threads.in_thread(work, "no picture")
except ValueError as error:
    print(error)
"""


def test_what_a_thread_refuses_is_raised_and_leaves_no_traceback_in_the_log() -> None:
    process = subprocess.run(
        [sys.executable, "-c", REFUSED], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (process.stdout, process.stderr) == ("no picture\n", "")
