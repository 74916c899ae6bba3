"""Keys, hashes and random values, connections, and the configuration."""

import ast
import base64
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer

from config import Config, ConfigError
from tests.support import ROOT
from tests.support.asvs import calls, hidden_fields, imports, sources
from tests.support.cast import PASSWORD, Browser, Mail, Person
from waitercaller.model import logins, tables, tokens
from waitercaller.model.tables import Table
from waitercaller.web import access, passwords

RULES = ROOT / "docs/security-rules.md"
Mails = Callable[[], list[Mail]]
# Modules that may open network connections or listen.
NETWORK = {"urllib.request", "http.client", "requests", "httpx", "aiohttp", "urllib3", "ftplib", "socket", "telnetlib"}
GOOD = {
    "MONGODB_URI": "mongodb://localhost/waitercaller",
    "PUBLIC_URL": "https://call.example.org",
    "SECRET_KEY": "a key for tests only: 7Qm2xKp9vR4tWz8b",
    "TRUSTED_HOSTS": "call.example.org",
    "MAIL_SERVER": "smtp.example.org",
    "MAIL_SENDER": "hello@example.org",
}


def called() -> list[tuple[str, ast.Call]]:
    return [each for _, tree in sources() for each in calls(tree)]


# --- V11.1 inventory and documentation --------------------------------------------------------------------------------


@pytest.mark.asvs("11.1.1")
def test_the_rules_say_how_every_secret_is_kept_and_replaced() -> None:
    section = RULES.read_text().partition("### Keys")[2].partition("\n## ")[0]
    secret = {field.name.upper() for field in fields(Config) if re.search("key|password|_uri", field.name)}
    assert len(secret) >= 4
    assert [name for name in sorted(secret) if f"`{name}`" not in section] == []


@pytest.mark.asvs("11.1.2")
def test_the_inventory_names_all_cryptography() -> None:
    section = RULES.read_text().partition("### Cryptography")[2].partition("\n### ")[0]
    used = {"hashlib", "hmac", "itsdangerous", "passlib", "pyotp", "secrets", "ssl", "cryptography"}
    using = {path.stem for path, tree in sources() if used & {name.split(".")[0] for name in imports(tree)}}
    assert {"tokens", "logins", "passwords", "smtp"} <= using
    assert [name for name in sorted(using) if f"{name}.py`" not in section] == []


# --- V11.2 secure implementation --------------------------------------------------------------------------------------


@pytest.mark.asvs("11.2.1")
def test_cryptography_comes_from_libraries() -> None:
    used = {name for _, tree in sources() for name in re.findall(r"\b(?:hashlib|hmac)\.\w+", ast.unparse(tree))}
    assert used <= {"hashlib.sha256", "hmac.digest", "hmac.compare_digest"}
    assert not {"Crypto", "rsa", "ecdsa", "nacl"} & {name for _, tree in sources() for name in imports(tree)}


@pytest.mark.needs_wire
@pytest.mark.asvs("11.2.2")
def test_keys_and_parameters_can_be_replaced(
    app: Flask, make_app: Any, config: Config, alice: Person, dana: FlaskClient, table: Table
) -> None:
    field = hidden_fields(dana.get(f"/t/{table['code']}").text)["form"]
    renewed = make_app(
        replace(
            config,
            secret_key="the next key for tests: 3hT8mNv5cXr6pBq1",
            secret_key_fallbacks=(config.secret_key,),
            argon2_rounds=2,
        )
    )
    form = {"form": field, "kind": "waiter"}
    assert renewed.test_client().post(f"/t/{table['code']}/call", data=form).status_code == 303
    client = renewed.test_client()
    assert isinstance(client, Browser)
    assert client.submit("/login", {"email": alice.email, "password": PASSWORD}).status_code == 303
    kept = app.extensions["mongo"].database.users.find_one({"_id": alice.user_id})
    assert ",t=2," in kept["password_hash"]


@pytest.mark.asvs("11.2.3")
@pytest.mark.parametrize("key", ["k" * 64, "short but 12 kinds", "changeme" * 8])
def test_a_key_has_at_least_128_bits(key: str) -> None:
    with pytest.raises(ConfigError, match="too weak"):
        Config.from_env(GOOD | {"SECRET_KEY": key})
    with pytest.raises(ConfigError, match="too weak"):
        Config.from_env(GOOD | {"SECRET_KEY_FALLBACKS": key})


# --- V11.4 hashing ----------------------------------------------------------------------------------------------------


@pytest.mark.asvs("11.4.1")
def test_approved_hashes_only(app: Flask, client: FlaskClient) -> None:
    client.get("/login")
    cookie = client.get_cookie("session")
    assert cookie
    serializer: URLSafeTimedSerializer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
    assert serializer.loads(cookie.value)
    assert len(base64.urlsafe_b64decode(cookie.value.rpartition(".")[2] + "==")) == 32
    with app.app_context():
        signature = tokens.serializer("any").dumps("x").rpartition(".")[2]
    assert len(base64.urlsafe_b64decode(signature + "==")) == 32


@pytest.mark.asvs("11.4.2")
def test_passwords_are_kept_as_argon2id_with_todays_parameters(make_app: Any, config: Config) -> None:
    usual = Config.from_env(GOOD)
    with make_app(replace(usual, mongodb_uri=config.mongodb_uri)).app_context():
        kept = passwords.hashed(PASSWORD)
    match = re.match(r"\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$", kept)
    assert match
    memory, rounds, threads = (int(number) for number in match.groups())
    assert memory >= 19 * 1024  # OWASP's minimum, with two iterations
    assert rounds >= 2
    assert threads >= 1
    assert PASSWORD not in kept


@pytest.mark.asvs("11.4.3")
def test_hashes_that_stand_for_a_secret_have_256_bits(app: Flask, alice: Person, mails: Mails) -> None:
    client = app.test_client()
    assert isinstance(client, Browser)
    client.submit("/forgot", {"email": alice.email})
    assert mails()
    database = app.extensions["mongo"].database
    for collection in ("logins", "tokens"):
        assert re.fullmatch("[0-9a-f]{64}", database[collection].find_one()["_id"])


# --- V11.5 random values ----------------------------------------------------------------------------------------------


@pytest.mark.asvs("11.5.1")
def test_what_cannot_be_guessed_is_random(app: Flask, alice: Person) -> None:
    names = {name for name, _ in called()}
    assert not {"uuid.uuid4", "uuid.uuid1", "random.choice", "random.choices", "random.getrandbits"} & names
    with app.app_context():
        secrets_made = {logins.start(alice.user_id, "", "")[0] for _ in range(50)}
        links = {tokens.serializer("token:x").loads(tokens.issue("x", "y", tokens.RETENTION))[0] for _ in range(50)}
        codes = {tables.new_code() for _ in range(50)}
    assert len(secrets_made) == len(links) == len(codes) == 50
    assert min(len(base64.urlsafe_b64decode(secret + "==")) for secret in secrets_made | links) >= 128 // 8
    assert min(len(base64.b32decode(code + "======")) for code in codes) >= 128 // 8


# --- V12 secure communication -----------------------------------------------------------------------------------------


@pytest.mark.asvs("12.3.2")
def test_certificates_of_others_are_verified() -> None:
    contexts = {name for name, _ in called() if name.startswith("ssl.")}
    assert contexts == {"ssl.create_default_context", "ssl.cert_time_to_seconds"}
    assert "starttls(context=tls)" in (ROOT / "waitercaller/mail/smtp.py").read_text()
    for option in ("tlsInsecure", "tlsAllowInvalidCertificates", "tlsallowinvalidhostnames"):
        with pytest.raises(ConfigError, match="certificate"):
            Config.from_env(GOOD | {"MONGODB_URI": f"mongodb://db.example.org/waitercaller?tls=true&{option}=true"})
    assert Config.from_env(GOOD | {"MONGODB_URI": "mongodb://db.example.org/waitercaller?tls=true"})


# --- V13 configuration ------------------------------------------------------------------------------------------------


@pytest.mark.asvs("13.1.1")
def test_the_rules_say_whom_the_application_speaks_to() -> None:
    section = RULES.read_text().partition("### Communication")[2].partition("\n## ")[0]
    assert all(name in section for name in ("`MONGODB_URI`", "`MAIL_SERVER`", "`PUBLIC_URL`", "Apache"))


@pytest.mark.asvs("13.2.4")
def test_nothing_speaks_to_other_machines_but_those_in_the_rules() -> None:
    # Except for the doctor, which connects to the public URL.
    network = {f"{path.parent.name}/{path.stem}" for path, tree in sources() if NETWORK & set(imports(tree))}
    assert {each for each in network if not each.startswith("doctor/")} == {"outgoing/delivery"}
    assert {path.stem for path, tree in sources() if "smtplib" in set(imports(tree))} == {"smtp"}
    clients = {path.stem for path, tree in sources() for name, _ in calls(tree) if name.startswith("MongoClient")}
    assert clients == {"client", "server"}  # the latter by hand: flask doctor --step-down


@pytest.mark.asvs("13.4.2")
@pytest.mark.parametrize("variable", ["FLASK_DEBUG", "FLASK_ENV"])
def test_no_variable_turns_debugging_on(variable: str, monkeypatch: pytest.MonkeyPatch, make_app: Any) -> None:
    monkeypatch.setenv(variable, "1" if variable == "FLASK_DEBUG" else "development")
    app = make_app(Config.from_env(GOOD))
    assert not app.debug

    @access.anyone
    def fail() -> str:
        return str(1 // 0)

    app.add_url_rule("/fail", view_func=fail)
    answer = app.test_client().get("/fail", base_url="https://call.example.org")
    assert answer.status_code == 500
    assert "ZeroDivisionError" not in answer.text


@pytest.mark.needs_wire
@pytest.mark.asvs("13.4.5")
@pytest.mark.parametrize("path", ["/readyz", "/healthz"])
def test_what_monitors_ask_tells_strangers_nothing(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert answer.json in ({"status": "alive"}, {"status": "ready"})
    for hidden in ("/metrics", "/docs", "/openapi.json", "/swagger", "/console", "/server-status"):
        assert client.get(hidden, environ_base={"REMOTE_ADDR": "192.0.2.1"}).status_code == 404


@pytest.mark.asvs("15.2.3")
def test_production_holds_nothing_of_tests_and_the_local_run(config: Config) -> None:
    loaded = "import sys, wsgi; print(*sys.modules)"
    environ = {name: str(getattr(config, name.lower(), "") or value) for name, value in GOOD.items()}
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", loaded],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    modules = set(result.stdout.split())
    assert "waitercaller.web.security" in modules
    assert not {"tests", "pytest", "mongomock", "secantus", "waitercaller.local"} & modules
    pinned = (ROOT / "requirements.txt").read_text()
    assert not re.search(r"^(pytest|mongomock|secantus|playwright|ruff|mypy)", pinned, re.MULTILINE)
