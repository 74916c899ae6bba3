"""Checks of the configuration as a whole, and of free disk space."""

import os
import shutil
from collections.abc import Iterator
from urllib.parse import urlsplit

from config import Config
from waitercaller.ops.doctor.finding import Finding, bad, good, note

MIN_FREE_SHARE, MIN_FREE_BYTES = 0.1, 2 * 1024**3
# Folders in which data or logs grow; those that do not exist on this machine are skipped.
FOLDERS = ("/", "/tmp", "/var/lib/mongodb", "/var/log", "/var/backups/waitercaller")  # noqa: S108 (nothing is written there)


def settings(config: Config) -> Iterator[Finding]:
    """Conflicts between settings; each single value was validated at start."""
    found = list(_conflicts(config))
    yield from found or [good(f"The settings fit together; visitors come to {config.public_url}.")]


def _conflicts(config: Config) -> Iterator[Finding]:
    host = urlsplit(config.public_url).hostname or ""
    if host not in config.trusted_hosts:
        yield bad(f"{host}, of PUBLIC_URL, is not in TRUSTED_HOSTS.", "Add it: its visitors are refused.")
    if not config.https:
        yield bad("PUBLIC_URL begins with http://.", "Passwords and codes need https: see README, Deploy.")
    elif config.proxy_count == 0 and not config.trusted_proxies:
        yield bad(
            "PROXY_COUNT is 0, but https is spoken by a proxy.",
            "Set it to 1 behind Apache, or TRUSTED_PROXIES to the address of your own proxy: until then all visitors "
            "have one address, and forms may be refused.",
        )
    if config.log_format != "json":
        yield note("LOG_FORMAT is text.", "Set it to json where programs read the log.")
    if config.secret_key_fallbacks:
        yield note(
            "SECRET_KEY_FALLBACKS still holds old keys.", "Empty it when they are 30 days old: no login needs them."
        )


def erasure_log(config: Config) -> Iterator[Finding]:
    """Whether erasures are noted outside the database."""
    path = config.erasure_log
    if not path:
        yield note("ERASURE_LOG is empty: a restored backup brings deleted accounts back.", "Set it to a file.")
    elif os.access(path if os.path.exists(path) else os.path.dirname(path), os.W_OK):
        yield good(f"Erasures are noted in {path}.")
    else:
        yield bad(f"{path} cannot be written, so no erasure ends.", "Is its folder there, and our user's?")


def disk(_config: Config) -> Iterator[Finding]:
    """Free space on each disk that holds one of FOLDERS."""
    seen = set()
    for folder in FOLDERS:
        if not os.path.isdir(folder) or (device := os.stat(folder).st_dev) in seen:
            continue
        seen.add(device)
        usage = shutil.disk_usage(folder)
        words = f"{usage.free / 1024**3:.1f} GB of {usage.total / 1024**3:.1f} GB are free on the disk of {folder}."
        if usage.free < min(MIN_FREE_BYTES, MIN_FREE_SHARE * usage.total):
            yield bad(words, f"Make room: du -xh {folder} | sort -h | tail. A full disk stops the database.")
        else:
            yield good(words)
