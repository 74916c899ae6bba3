"""The doctor, with real servers: findings and advice."""

import shutil
import socket
import ssl
import threading
from collections import namedtuple
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pymongo
import pytest
from flask import Flask

from config import Config, ConfigError
from tests.conftest import MakeApp
from tests.support import databases, smtp
from waitercaller.db import clock, server
from waitercaller.db.client import db
from waitercaller.ops.doctor import Finding, database, examine


@contextmanager
def https_server() -> Iterator[int]:
    """A TLS server with the tests' certificate for localhost; yields its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(smtp.CERTIFICATE)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        stopped = threading.Event()

        def serve() -> None:
            while not stopped.is_set():
                plain, _ = listening.accept()
                try:
                    with context.wrap_socket(plain, server_side=True) as tls:
                        tls.recv(1)
                except OSError:
                    pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        port = int(listening.getsockname()[1])
        yield port
        stopped.set()
        socket.create_connection(("127.0.0.1", port)).close()
        thread.join()


@pytest.fixture
def look(make_app: MakeApp, config: Config) -> Callable[..., list[Finding]]:
    """`look(mail_port=25)`: the doctor's findings with these settings."""

    def looked(**settings: Any) -> list[Finding]:
        app = make_app(replace(config, **settings))
        return list(examine(app))

    return looked


def of(findings: list[Finding], words: str) -> Finding:
    """The finding with this text."""
    found = [finding for finding in findings if words in finding.what]
    assert len(found) == 1, [finding.what for finding in findings]
    return found[0]


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(smtp.AUTHORITY))


# --- all of it --------------------------------------------------------------------------------------------------------


@pytest.mark.needs_wire
def test_a_healthy_installation_is_well(app: Flask, make_app: MakeApp, config: Config, trusted: None) -> None:
    mailbox = smtp.Mailbox()
    with https_server() as port, smtp.mail_server(mailbox, starttls=True, login=True) as mail_port:
        healthy = replace(
            config,
            public_url=f"https://localhost:{port}",
            proxy_count=1,
            log_format="json",
            mail_folder="",
            mail_server="localhost",
            mail_port=mail_port,
            mail_username=smtp.USERNAME,
            mail_password=smtp.PASSWORD,
        )
        done = make_app(healthy).test_cli_runner().invoke(args=["doctor"])
    assert done.exit_code == 0, done.output
    assert "All is well." in done.output
    for words in (
        "localhost is at 127.0.0.1",
        "The database answers.",
        "replica set",
        "All indexes are there.",
        "confirmed by a majority",
        "are heard",
        "off the database's",
        "The certificate of localhost is good for",
        "lets us in as waitercaller",
        "are free on the disk",
    ):
        assert words in done.output
    assert smtp.PASSWORD not in done.output
    assert mailbox.logins == [smtp.USERNAME.encode()]
    assert mailbox.mails == []


def test_it_leaves_no_trace_in_the_database(app: Flask, look: Callable[..., list[Finding]]) -> None:
    before = app.extensions["mongo"].database.list_collection_names()
    look()
    assert sorted(app.extensions["mongo"].database.list_collection_names()) == sorted(before)
    assert app.extensions["mongo"].database.limits.count_documents({}) == 0


@pytest.mark.needs_wire
def test_what_is_wrong_is_said_with_what_to_do_and_the_exit_code_tells_scripts(app: Flask) -> None:
    done = app.test_cli_runner().invoke(args=["doctor"])
    assert done.exit_code == 1
    assert "BAD  PUBLIC_URL begins with http://." in done.output
    assert "Error: 1 of these need you." in done.output


def test_settings_that_are_not_complete_are_named_without_a_traceback() -> None:
    with pytest.raises(ConfigError) as raised:
        Config.from_env({})
    assert "MONGODB_URI is missing." in raised.value.format_message()


def test_a_check_that_fails_itself_does_not_silence_the_others(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: 1 / 0)
    findings = list(examine(app))
    assert "ZeroDivisionError" in of(findings, "disk").what
    assert of(findings, "The database answers.").state == "good"


# --- settings and disks -----------------------------------------------------------------------------------------------


def test_settings_that_do_not_fit_together(app: Flask, look: Callable[..., list[Finding]]) -> None:
    findings = look(public_url="https://call.example.invalid", secret_key_fallbacks=("x" * 40,))
    assert of(findings, "is not in TRUSTED_HOSTS").state == "BAD"
    assert of(findings, "PROXY_COUNT is 0").state == "BAD"
    assert of(findings, "SECRET_KEY_FALLBACKS").state == "note"
    assert of(findings, "MAIL_FOLDER is set").state == "note"


def test_a_disk_that_is_nearly_full(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(100 * 1024**3, 99 * 1024**3, 1024**3))
    found = [finding for finding in examine(app) if "on the disk of" in finding.what]
    assert found
    assert all(finding.state == "BAD" and "Make room" in finding.advice for finding in found)


# --- the database -----------------------------------------------------------------------------------------------------


@pytest.mark.needs_wire
def test_a_database_that_is_away(make_app: MakeApp, config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "TIMEOUT_SECONDS", 0.3)
    app = make_app(replace(config, mongodb_uri="mongodb://127.0.0.1:9/waitercaller"))
    finding = of(list(examine(app)), "The database does not answer")
    assert finding.state == "BAD"
    assert "systemctl status mongod" in finding.advice


@pytest.mark.needs_wire
def test_indexes_that_are_missing(app: Flask, look: Callable[..., list[Finding]]) -> None:
    app.extensions["mongo"].database.users.drop_index("email_1")
    finding = of(look(), "users.email_1")
    assert (finding.state, finding.advice) == ("BAD", "waitercaller build-database makes them.")


def test_a_database_that_is_too_old_or_no_replica_set(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {"buildInfo": {"version": "6.0.4", "versionArray": [6, 0, 4, 0]}, "hello": {"isWritablePrimary": True}}
    monkeypatch.setattr(database, "_admin_command", answers.get)
    findings = list(examine(app))
    assert "Upgrade it to 7.0" in of(findings, "MongoDB is 6.0.4").advice
    assert "rs.initiate()" in of(findings, "not a replica set").advice


@pytest.mark.needs_wire
def test_a_database_that_lets_us_read_only(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise pymongo.errors.OperationFailure("not authorized", 13)

    with app.app_context():
        monkeypatch.setattr(type(db().limits), "insert_one", refuse)
        monkeypatch.setattr(type(db()), "watch", refuse)
    findings = list(examine(app))
    assert "users.js" in of(findings, "not confirmed by a majority").advice
    assert "users.js" in of(findings, "cannot be heard").advice


def privileges(*actions: str) -> list[dict[str, Any]]:
    return [{"resource": {"db": "", "collection": ""}, "actions": ["find", "insert", *actions]}]


def test_a_user_with_too_many_rights(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "privileges", lambda: privileges("grantRole"))
    finding = of(list(examine(app)), "may also grantRole")
    assert (finding.state, "users.js" in finding.advice) == ("BAD", True)
    monkeypatch.setattr(server, "privileges", privileges)
    assert of(list(examine(app)), "cannot give itself more").state == "good"
    monkeypatch.setattr(server, "privileges", list)
    assert of(list(examine(app)), "asks nobody for a password").state == "note"


@pytest.mark.fresh_database
def test_an_index_that_is_not_as_specified(app: Flask) -> None:
    indexes = app.extensions["mongo"].database.users
    indexes.drop_index("email_1")
    indexes.create_index("email")
    assert "users.email_1" in of(list(examine(app)), "not as specified").what


@pytest.mark.needs_wire
def test_writes_that_are_not_sent_again(app: Flask, make_app: MakeApp, config: Config) -> None:
    assert of(list(examine(app)), "retryWrites=false").state == "note"  # the tests' own server
    retrying = make_app(
        replace(config, mongodb_uri=config.mongodb_uri.replace("retryWrites=false", "retryWrites=true"))
    )
    assert of(list(examine(retrying)), "sent again").state == "good"


def test_how_far_back_the_oplog_goes(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "oplog_window", lambda: timedelta(hours=30))
    assert "goes back 30 hours" in of(list(examine(app)), "The oplog").what

    def refuse() -> None:
        raise pymongo.errors.OperationFailure("not authorized", 13)

    monkeypatch.setattr(server, "oplog_window", refuse)
    assert "rs.printReplicationInfo()" in of(list(examine(app)), "How far back the oplog goes").advice


def test_a_step_down_says_when_writes_go_on(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """The embedded database has no second server; the commands sent are checked."""
    asked: list[tuple[object, ...]] = []

    class Administrator:
        def __init__(self, uri: str, **_: Any) -> None:
            asked.append((uri,))
            self.admin = self

        def __class_getitem__(cls, _: object) -> type:
            return cls

        def __enter__(self) -> "Administrator":
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def command(self, *words: object) -> None:
            asked.append(words)
            raise pymongo.errors.AutoReconnect("connection closed")  # as a server does that steps down

    away = [pymongo.errors.AutoReconnect("not primary")] * 2

    def round_trip() -> bool:
        if away:
            raise away.pop()
        return True

    monkeypatch.setattr(server, "MongoClient", Administrator)
    monkeypatch.setattr(server, "majority_round_trip", round_trip)
    done = app.test_cli_runner().invoke(args=["doctor", "--step-down"], input="mongodb://admin:secret@db\n")
    assert "confirms writes after" in done.output
    assert "secret" not in done.output
    assert asked == [("mongodb://admin:secret@db",), ("replSetStepDown", server.STEP_DOWN_SECONDS)]


def test_a_clock_that_is_wrong(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "synchronise", lambda _: timedelta(seconds=-90))
    finding = of(list(examine(app)), "off the database's")
    assert finding.state == "BAD"
    assert "90.00 s off" in finding.what
    assert "timedatectl" in finding.advice


# --- the world --------------------------------------------------------------------------------------------------------


def test_a_name_without_an_address(app: Flask, look: Callable[..., list[Finding]]) -> None:
    finding = of(look(public_url="https://call.example.invalid"), "has no address")
    assert finding.state == "BAD"
    assert "A record" in finding.advice


def test_a_certificate_that_browsers_refuse(app: Flask, look: Callable[..., list[Finding]]) -> None:
    with https_server() as port:
        finding = of(look(public_url=f"https://localhost:{port}"), "Browsers refuse the certificate")
    assert finding.state == "BAD"
    assert "certbot renew --dry-run" in finding.advice


@pytest.mark.parametrize(("days_left", "state"), [(20, "good"), (13, "BAD"), (3, "BAD")])
def test_a_certificate_that_is_about_to_end(
    app: Flask,
    look: Callable[..., list[Finding]],
    trusted: None,
    monkeypatch: pytest.MonkeyPatch,
    days_left: int,
    state: str,
) -> None:
    with https_server() as port:
        findings = look(public_url=f"https://localhost:{port}")
        ends = datetime.fromisoformat(of(findings, "is good for").what[-11:-1]).replace(tzinfo=UTC)
        monkeypatch.setattr(clock, "now", lambda: ends - timedelta(days=days_left))
        findings = look(public_url=f"https://localhost:{port}")
    assert of(findings, f"is good for {days_left} days").state == state


def test_nobody_answers_with_a_certificate(app: Flask, look: Callable[..., list[Finding]]) -> None:
    finding = of(look(public_url=f"https://localhost:{databases.free_port()}"), "Nobody answers at localhost")
    assert "systemctl status apache2" in finding.advice


@pytest.mark.parametrize("password", ["a wrong password", smtp.PASSWORD])
def test_a_mail_server_with_a_login(
    app: Flask, look: Callable[..., list[Finding]], trusted: None, password: str
) -> None:
    with smtp.mail_server(smtp.Mailbox(), starttls=True, login=True) as port:
        findings = look(
            mail_folder="",
            mail_server="localhost",
            mail_port=port,
            mail_username=smtp.USERNAME,
            mail_password=password,
        )
    if password == smtp.PASSWORD:
        assert of(findings, "lets us in as waitercaller").state == "good"
    else:
        finding = of(findings, "SMTPAuthenticationError 535")
        assert finding.state == "BAD"
        assert "MAIL_PASSWORD" in finding.advice


def test_a_mail_server_that_is_not_there(app: Flask, look: Callable[..., list[Finding]]) -> None:
    finding = of(look(mail_folder="", mail_server="localhost", mail_port=databases.free_port()), "cannot be used")
    assert finding.state == "BAD"
    assert "many hosters close the way out" in finding.advice
