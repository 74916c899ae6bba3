"""The configuration: required variables, validation and messages."""

import dataclasses
import re

import pytest

from config import Config, ConfigError
from tests.support import ROOT

GOOD = {
    "MONGODB_URI": "mongodb://127.0.0.1:27017/waitercaller",
    "PUBLIC_URL": "https://call.example.org",
    "SECRET_KEY": "sJ3v9Qx7mZ1pLw5tKc8rYb2nHd6fGa4e",
    "TRUSTED_HOSTS": "call.example.org, www.call.example.org",
    "MAIL_SERVER": "smtp.example.org",
    "MAIL_SENDER": "Waiter Caller <hello@example.org>",
}
REQUIRED = list(GOOD)


def problems(**changes: str) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        Config.from_env({**GOOD, **changes})
    return raised.value.problems


def test_the_required_variables_are_sufficient() -> None:
    config = Config.from_env(GOOD)
    assert config.trusted_hosts == ("call.example.org", "www.call.example.org")
    assert (config.mail_port, config.mail_security, config.proxy_count) == (587, "starttls", 0)
    assert (config.argon2_memory_kib, config.argon2_rounds) == (65536, 3)
    assert config.log_format == "json"
    assert config.ga_measurement_id == ""
    assert config.vapid_private_key == ""
    assert "fcm.googleapis.com" in config.push_services
    assert config.https


def test_every_missing_variable_is_named_at_once() -> None:
    with pytest.raises(ConfigError) as raised:
        Config.from_env({})
    assert raised.value.problems == [f"{name} is missing." for name in REQUIRED]
    assert all(name in str(raised.value) for name in REQUIRED)


@pytest.mark.parametrize("name", REQUIRED)
def test_blank_is_missing(name: str) -> None:
    assert problems(**{name: "  "}) == [f"{name} is missing."]


def test_missing_and_bad_ones_are_named_together() -> None:
    found = problems(MONGODB_URI="", MAIL_PORT="mail", LOG_FORMAT="xml")
    assert [problem.split()[0] for problem in found] == ["MONGODB_URI", "MAIL_PORT", "LOG_FORMAT"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MONGODB_URI", "postgres://127.0.0.1/waitercaller"),
        ("MONGODB_URI", "mongodb://127.0.0.1:27017"),
        ("MONGODB_URI", "mongodb://127.0.0.1:27017/?retryWrites=false"),
        ("MONGODB_URI", "mongodb://127.0.0.1/waitercaller?w=1;tlsInsecure=true"),
        ("MONGODB_URI", "mongodb://127.0.0.1/waitercaller?readPreference=secondaryPreferred"),
        ("MONGODB_URI", "mongodb://one,two/waitercaller?tls=true;readpreference=nearest"),
        ("MONGODB_URI", "mongodb://one,two/waitercaller?readPreference=primary&readPreference=primaryPreferred"),
        ("MONGODB_URI", "mongodb+srv://db.example.org/waitercaller?directConnection=true"),
        ("PUBLIC_URL", "call.example.org"),
        ("PUBLIC_URL", "ftp://call.example.org"),
        ("PUBLIC_URL", "https://"),
        ("PUBLIC_URL", "https://call.example.org/app"),
        ("PUBLIC_URL", "https://call.example.org?a=b"),
        ("PUBLIC_URL", "https://call.example.org#top"),
        ("PUBLIC_URL", "https://alice:secret@call.example.org"),
        ("PUBLIC_URL", "https://call.example.org:https"),
        ("PUBLIC_URL", "https://call.example.org:99999"),
        ("PUBLIC_URL", "https://[::1"),
        ("PUBLIC_URL", "https://call.example.org\r\nX: y"),
        ("SECRET_KEY", "short"),
        ("SECRET_KEY", "a" * 64),
        ("SECRET_KEY", "changemechangemechangemechangeme"),
        ("SECRET_KEY_FALLBACKS", "short"),
        ("TRUSTED_HOSTS", "*"),
        ("TRUSTED_HOSTS", "https://call.example.org"),
        ("TRUSTED_HOSTS", ", ,"),
        ("PROXY_COUNT", "-1"),
        ("PROXY_COUNT", "one"),
        ("PROXY_COUNT", "10"),
        ("PROXY_COUNT", "²"),
        ("TRUSTED_PROXIES", "caddy"),
        ("TRUSTED_PROXIES", "10.0.0.10/24"),
        ("TRUSTED_PROXIES", "10.0.0.10 10.0.0.11"),
        ("TRUSTED_PROXIES", "0.0.0.0/0"),
        ("TRUSTED_PROXIES", "10.0.0.10, ::/0"),
        ("REGISTRATION", "closed"),
        ("MAIL_PORT", "0"),
        ("MAIL_PORT", "65536"),
        ("MAIL_SECURITY", "ssl"),
        ("MAIL_SENDER", "hello"),
        ("MAIL_SENDER", "hello@example.org\nBcc: eve@example.org"),
        ("SECURITY_CONTACT", "security@example.org"),
        ("SECURITY_CONTACT", "http://example.org/report"),
        ("SECURITY_CONTACT", "mailto:a@example.org\nCanonical: https://evil.example"),
        ("GA_MEASUREMENT_ID", "UA-12345-1"),
        ("GA_MEASUREMENT_ID", "g-1a2b3c4d5e"),
        ("GA_MEASUREMENT_ID", 'G-1A2B"><script>'),
        ("VAPID_PRIVATE_KEY", "short"),
        ("VAPID_PRIVATE_KEY", "_" * 43),  # greater than the order of the curve
        ("VAPID_PRIVATE_KEY", "A" * 43),
        ("VAPID_PRIVATE_KEY", "-----BEGIN EC PRIVATE KEY-----"),
        ("PUSH_SERVICES", "https://push.example.org"),
        ("PUSH_SERVICES", "*"),
        ("PUSH_SERVICES", "push.*.org"),
        ("PUSH_SERVICES", "push.example.org:https"),
        ("LOG_FORMAT", "xml"),
        ("ERASURE_LOG", "erasures.log"),
        ("ARGON2_MEMORY_KIB", "7"),
        ("ARGON2_ROUNDS", "0"),
        ("ARGON2_THREADS", "0"),
    ],
)
def test_an_invalid_value_is_named_with_what_is_expected(name: str, value: str) -> None:
    (problem,) = problems(**{name: value})
    assert problem.startswith(f"{name} ")
    assert problem.endswith(".")


KEY = "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA"


@pytest.mark.parametrize(
    ("sender", "contact"),
    [
        ("root@localhost", ""),
        ("root@localhost", "mailto:root@mail"),
        ("root@localhost", "https://intranet/"),
        ("root@127.0.0.1", "tel:+49301234567"),
        ("hello@example.", "mailto:hello@.example"),
    ],
)
def test_messages_to_phones_need_a_contact_that_push_services_take(sender: str, contact: str) -> None:
    """Some refuse all messages of an installation whose contact can be nobody's."""
    (problem,) = problems(MAIL_SENDER=sender, SECURITY_CONTACT=contact, VAPID_PRIVATE_KEY=KEY)
    assert problem.startswith("SECURITY_CONTACT ")
    assert "MAIL_SENDER" in problem
    assert Config.from_env({**GOOD, "MAIL_SENDER": sender, "SECURITY_CONTACT": contact}).push_contact == ""


@pytest.mark.parametrize(
    ("sender", "contact", "told"),
    [
        ("Waiter Caller <hello@example.org>", "", "mailto:hello@example.org"),
        ("root@localhost", "mailto:Security@Call.Example.org", "mailto:Security@Call.Example.org"),
        ("root@localhost", "https://example.org/report?a=b", "https://example.org/report?a=b"),
        ("hello@example.org", "tel:+49301234567", "mailto:hello@example.org"),
        ("hello@example.org", "mailto:root@localhost", "mailto:hello@example.org"),
    ],
)
def test_push_services_are_told_the_first_contact_that_they_take(sender: str, contact: str, told: str) -> None:
    environ = {**GOOD, "MAIL_SENDER": sender, "SECURITY_CONTACT": contact, "VAPID_PRIVATE_KEY": KEY}
    assert Config.from_env(environ).push_contact == told


def test_a_uri_may_state_the_default_options() -> None:
    uri = "mongodb://one,two/waitercaller?readPreference=primary&directConnection=false"
    assert Config.from_env({**GOOD, "MONGODB_URI": uri}).mongodb_uri == uri


def test_a_weak_key_is_refused_with_advice_and_is_not_printed() -> None:
    (problem,) = problems(SECRET_KEY="changemechangemechangemechangeme")
    assert "secrets.token_urlsafe" in problem
    assert "changeme" not in problem


def test_the_example_has_every_variable_once_with_its_default_and_no_other() -> None:
    """The fields of Config are named like the variables they come from."""
    example = (ROOT / ".env.example").read_text("utf-8")
    variables = [field.name.upper() for field in dataclasses.fields(Config)]
    values = dict(re.findall("^([A-Z0-9_]+)=(.*)$", example, re.MULTILINE))
    assert list(values) == variables
    assert len(re.findall("^[A-Z0-9_]+=", example, re.MULTILINE)) == len(variables)
    given = {name: value for name, value in values.items() if name not in GOOD}
    assert Config.from_env({**GOOD, **given, "PROXY_COUNT": "0"}) == Config.from_env(GOOD)  # each has its default


def test_a_mail_folder_replaces_the_server() -> None:
    environ = {**GOOD, "MAIL_FOLDER": "/tmp/mail"}
    del environ["MAIL_SERVER"]
    config = Config.from_env(environ)
    assert (config.mail_folder, config.mail_server) == ("/tmp/mail", "")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://call.example.org/", "https://call.example.org"),
        ("http://192.168.1.7:8000", "http://192.168.1.7:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_the_public_address_has_no_slash_at_its_end(given: str, kept: str) -> None:
    assert Config.from_env({**GOOD, "PUBLIC_URL": given}).public_url == kept


def test_push_services_can_be_named() -> None:
    config = Config.from_env({**GOOD, "PUSH_SERVICES": "Push.example.org:8443, *.push.example.com"})
    assert config.push_services == ("push.example.org:8443", "*.push.example.com")


def test_fallback_keys_are_read() -> None:
    older = "kQ8w2Zr5Tn7Xb3Vm9Lc4Hs6Jd1Pf0GyA"
    config = Config.from_env({**GOOD, "SECRET_KEY_FALLBACKS": f"{older}, "})
    assert config.flask_settings()["SECRET_KEY_FALLBACKS"] == [older]


def test_it_is_immutable() -> None:
    config = Config.from_env(GOOD)
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.public_url = "https://evil.example"  # type: ignore[misc]


def test_its_repr_contains_no_secrets() -> None:
    config = Config.from_env({**GOOD, "MAIL_PASSWORD": "hunter2hunter2"})
    assert GOOD["SECRET_KEY"] not in repr(config)
    assert "hunter2" not in repr(config)
    assert "27017" not in repr(config)


@pytest.mark.parametrize(
    ("public_url", "secure", "name"),
    [("https://call.example.org", True, "__Host-session"), ("http://127.0.0.1:8000", False, "session")],
)
def test_cookies_follow_the_public_address(public_url: str, secure: bool, name: str) -> None:
    settings = Config.from_env({**GOOD, "PUBLIC_URL": public_url}).flask_settings()
    assert settings["SESSION_COOKIE_SECURE"] is secure
    assert settings["SESSION_COOKIE_NAME"] == name
    assert settings["SESSION_COOKIE_HTTPONLY"]
    assert settings["SESSION_COOKIE_SAMESITE"] == "Lax"
