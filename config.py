"""Configuration: read once from the environment, validated as a whole, then immutable.

Nothing else in the application reads the environment. Missing or invalid values prevent the start; one message names
them all, so that an operator corrects the file once.
"""

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parseaddr
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

import click
from cryptography.hazmat.primitives.asymmetric import ec

_ADDRESS = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:(?P<port>[0-9]{1,5}))?/?", re.IGNORECASE)
_HOST_PATTERN = re.compile(r"(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*(:[0-9]{1,5})?")
_PUSH_CONTACT = re.compile(  # a host with a dot; only a site may have a port and a path
    r"(mailto:[a-z0-9.!#$%&'*+/=?^_`{|}~-]+@|(?P<site>https://))"
    r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]([a-z0-9-]*[a-z0-9])(?(site)(:[0-9]{1,5})?(/[!-~]*)?)",
    re.IGNORECASE,
)
_MEASUREMENT_ID = re.compile(r"G-[A-Z0-9]{4,16}")

Network = IPv4Network | IPv6Network

INSECURE_URI_OPTIONS = ("tlsinsecure", "tlsallowinvalidcertificates", "tlsallowinvalidhostnames")  # of MONGODB_URI
MINIMUM_KEY_LENGTH = 32
MINIMUM_DISTINCT_KEY_CHARACTERS = 12  # rejects long but guessable values such as "aaaa…"

# Hosts of the push services of Chrome and most others, Firefox, Safari, Edge.
PUSH_SERVICES = ("fcm.googleapis.com", "*.push.services.mozilla.com", "*.push.apple.com", "*.notify.windows.com")


class ConfigError(click.ClickException):
    """Missing or invalid variables, one sentence for each in `problems`. Commands print it without a traceback."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("The configuration is not complete:\n" + "\n".join(f"  - {line}" for line in problems))
        self.problems = problems


@dataclass(frozen=True, repr=False)  # without repr: it holds secrets, which must not be logged
class Config:
    mongodb_uri: str
    public_url: str
    secret_key: str
    secret_key_fallbacks: tuple[str, ...]
    trusted_hosts: tuple[str, ...]
    proxy_count: int
    trusted_proxies: tuple[Network, ...]
    registration: str
    mail_server: str
    mail_port: int
    mail_username: str
    mail_password: str
    mail_security: str
    mail_sender: str
    mail_folder: str
    security_contact: str
    ga_measurement_id: str
    vapid_private_key: str
    push_services: tuple[str, ...]
    webhook_hosts: tuple[str, ...]
    log_format: str
    drain_file: str
    erasure_log: str
    argon2_memory_kib: int
    argon2_rounds: int
    argon2_threads: int

    @property
    def https(self) -> bool:
        """Whether the public address is https; cookie flags and headers depend on it."""
        return self.public_url.startswith("https://")

    @property
    def push_contact(self) -> str:
        """Whom push services may ask about our messages (RFC 8292, 2.1); "" if neither setting is good for that.

        Some services refuse all messages if it is not a mailto: with a domain that can exist, or an https: URL.
        """
        sender = f"mailto:{parseaddr(self.mail_sender or '')[1]}"
        return next((each for each in (self.security_contact, sender) if _PUSH_CONTACT.fullmatch(each)), "")

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Self:
        """Read and validate all variables. Raises ConfigError, which names each missing or invalid one."""
        env = _Environment(environ)
        config = cls(
            mongodb_uri=env.required("MONGODB_URI", _mongodb_uri),
            public_url=env.required("PUBLIC_URL", _public_url),
            secret_key=env.required("SECRET_KEY", _secret_key),
            secret_key_fallbacks=env.optional("SECRET_KEY_FALLBACKS", _secret_keys, ()),
            trusted_hosts=env.required("TRUSTED_HOSTS", _hosts),
            proxy_count=env.number("PROXY_COUNT", 0, 0, 9),
            trusted_proxies=env.optional("TRUSTED_PROXIES", _networks, ()),
            registration=env.choice("REGISTRATION", "open", ("open", "invitation", "first")),
            **_mail(env),
            security_contact=env.optional("SECURITY_CONTACT", _contact, ""),
            ga_measurement_id=env.optional("GA_MEASUREMENT_ID", _measurement_id, ""),
            vapid_private_key=env.optional("VAPID_PRIVATE_KEY", _vapid_private_key, ""),
            push_services=env.optional("PUSH_SERVICES", _host_patterns, PUSH_SERVICES),
            webhook_hosts=env.optional("WEBHOOK_HOSTS", _host_patterns, ()),
            drain_file=env.text("DRAIN_FILE", ""),
            erasure_log=env.optional("ERASURE_LOG", _whole_path, ""),
            log_format=env.choice("LOG_FORMAT", "json", ("json", "text")),
            argon2_memory_kib=env.number("ARGON2_MEMORY_KIB", 65536, 8, 4_194_304),
            argon2_rounds=env.number("ARGON2_ROUNDS", 3, 1, 100),
            argon2_threads=env.number("ARGON2_THREADS", 1, 1, 64),
        )
        if config.vapid_private_key and config.mail_sender and not config.push_contact:
            env.problems.append(
                "SECURITY_CONTACT must be mailto: and an address, or https:// and a host, whose domain has a dot, or "
                "else MAIL_SENDER such an address: with VAPID_PRIVATE_KEY push services get it, and refuse any other."
            )
        if env.problems:
            raise ConfigError(env.problems)
        return config

    def flask_settings(self) -> dict[str, Any]:
        """Settings for Flask and its extensions, for `app.config`."""
        return {
            "DEBUG": False,  # otherwise Flask reads FLASK_DEBUG from the environment
            "SECRET_KEY": self.secret_key,
            "SECRET_KEY_FALLBACKS": list(self.secret_key_fallbacks),
            "TRUSTED_HOSTS": list(self.trusted_hosts),
            "MAX_CONTENT_LENGTH": 64 * 1024,
            "MAX_FORM_MEMORY_SIZE": 64 * 1024,
            "MAX_FORM_PARTS": 100,
            "SESSION_COOKIE_NAME": "__Host-session" if self.https else "session",
            "SESSION_COOKIE_SECURE": self.https,
            "SESSION_COOKIE_HTTPONLY": True,
            "SESSION_COOKIE_SAMESITE": "Lax",
            "WTF_CSRF_TIME_LIMIT": None,  # dashboards stay open for hours; the token ends with the session
            "MAIL_SERVER": self.mail_server,
            "MAIL_PORT": self.mail_port,
            "MAIL_USERNAME": self.mail_username or None,
            "MAIL_PASSWORD": self.mail_password or None,
            "MAIL_USE_TLS": self.mail_security == "starttls",
            "MAIL_USE_SSL": self.mail_security == "tls",
            "MAIL_DEFAULT_SENDER": self.mail_sender,
            "MAIL_SUPPRESS_SEND": False,
        }


class _Environment:
    """Reads variables and collects all problems instead of stopping at the first."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.problems: list[str] = []

    def text(self, name: str, default: str) -> str:
        return self.environ.get(name, default).strip()

    def required(self, name: str, parse: Callable[[str], Any]) -> Any:
        if not self.text(name, ""):
            self.problems.append(f"{name} is missing.")
        return self.optional(name, parse, None)

    def optional(self, name: str, parse: Callable[[str], Any], default: Any) -> Any:
        value = self.text(name, "")
        if not value:
            return default
        try:
            return parse(value)
        except ValueError as error:
            self.problems.append(f"{name} {error}")
            return default

    def number(self, name: str, default: int, minimum: int, maximum: int) -> int:
        value = self.text(name, "") or str(default)
        if value.isascii() and value.isdigit() and minimum <= int(value) <= maximum:
            return int(value)
        self.problems.append(f"{name} must be a whole number from {minimum} to {maximum}.")
        return default

    def choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        value = self.text(name, "") or default
        if value not in choices:
            self.problems.append(f"{name} must be one of {', '.join(choices)}.")
        return value


def _mail(env: _Environment) -> dict[str, Any]:
    folder = env.text("MAIL_FOLDER", "")
    return {
        "mail_server": "" if folder else env.required("MAIL_SERVER", str),
        "mail_port": env.number("MAIL_PORT", 587, 1, 65535),
        "mail_username": env.text("MAIL_USERNAME", ""),
        "mail_password": env.text("MAIL_PASSWORD", ""),
        "mail_security": env.choice("MAIL_SECURITY", "starttls", ("starttls", "tls", "none")),
        "mail_sender": env.required("MAIL_SENDER", _sender),
        "mail_folder": folder,
    }


def _mongodb_uri(value: str) -> str:
    if not value.startswith(("mongodb://", "mongodb+srv://")):
        raise ValueError("must start with mongodb:// or mongodb+srv://.")
    if not urlsplit(value).path.strip("/"):
        raise ValueError("must name the database, as in mongodb://host/waitercaller.")
    options = parse_qsl(urlsplit(value).query.replace(";", "&"))
    for name, setting in ((name.lower(), setting.lower()) for name, setting in options):
        if name in INSECURE_URI_OPTIONS and setting == "true":
            raise ValueError("must not turn off the check of the server's certificate; name its authority: tlsCAFile.")
        if name == "readpreference" and setting != "primary":
            raise ValueError("must not have another readPreference than primary: others may not know of a call yet.")
        if name == "directconnection" and setting == "true":
            raise ValueError("must not have directConnection=true: the next primary would not be found.")
    return value


def _public_url(value: str) -> str:
    match = _ADDRESS.fullmatch(value)
    if match is None or int(match["port"] or 0) > 65535:
        raise ValueError("must be the address visitors open, without a path, as in https://call.example.org.")
    return value.rstrip("/").lower()


def _secret_key(value: str) -> str:
    if len(value) < MINIMUM_KEY_LENGTH or len(set(value)) < MINIMUM_DISTINCT_KEY_CHARACTERS:
        raise ValueError(
            f"is too weak: at least {MINIMUM_KEY_LENGTH} random characters, for example from "
            "python3 -c 'import secrets; print(secrets.token_urlsafe(48))'."
        )
    return value


def _secret_keys(value: str) -> tuple[str, ...]:
    return tuple(_secret_key(key) for key in _comma_separated(value))


def _hosts(value: str) -> tuple[str, ...]:
    hosts = _comma_separated(value.lower())
    if not hosts or any("/" in host or "*" in host or " " in host for host in hosts):
        raise ValueError("must be host names separated by commas, without http:// and without *.")
    return hosts


def _networks(value: str) -> tuple[Network, ...]:
    try:
        networks = tuple(map(ip_network, _comma_separated(value)))
    except ValueError as error:
        raise ValueError(f"must be addresses or networks by commas, as in 10.0.0.10, 2001:db8::/32: {error}.") from None
    if any(not network.prefixlen for network in networks):
        raise ValueError("must not be everybody: a visitor could pretend to have any address.")
    return networks


def _comma_separated(value: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in value.split(",") if word.strip())


def _sender(value: str) -> str:
    if "@" not in value or any(ord(character) < 32 for character in value):
        raise ValueError("must be an e-mail address, as in Waiter Caller <hello@example.org>.")
    return value


def _contact(value: str) -> str:
    """A contact URI for security.txt (RFC 9116, 2.5.3)."""
    if not value.startswith(("mailto:", "https://", "tel:")) or any(ord(character) <= 32 for character in value):
        raise ValueError("must begin with mailto:, https:// or tel:, as in mailto:security@example.org.")
    return value


def _measurement_id(value: str) -> str:
    if not _MEASUREMENT_ID.fullmatch(value):
        raise ValueError("must be the id of a web data stream of Google Analytics 4, as in G-1A2B3C4D5E.")
    return value


def _vapid_private_key(value: str) -> str:
    try:
        number = base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True)
        if len(number) != 32:
            raise ValueError
        ec.derive_private_key(int.from_bytes(number), ec.SECP256R1())
    except ValueError:
        raise ValueError("must be a private key of P-256 in base64url, as waitercaller vapid-key makes one.") from None
    return value.rstrip("=")


def _whole_path(value: str) -> str:
    if not value.startswith("/"):
        raise ValueError("must be the whole path of a file, as in /var/lib/waitercaller-erasures/log.")
    return value


def _host_patterns(value: str) -> tuple[str, ...]:
    patterns = _comma_separated(value.lower())
    if not all(_HOST_PATTERN.fullmatch(pattern) for pattern in patterns):
        raise ValueError("must be host names separated by commas, as in push.example.org, *.example.org or host:8443.")
    return patterns
