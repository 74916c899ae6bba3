"""Rate limits: the name, the allowances and the message of each.

Limits of accounts are counted in MongoDB, shared by all processes; while it is unavailable, each process counts in
memory, so a limit always applies. Limits of guests are counted in memory only: an answer to a call waits for no
counter, and with N processes up to N times as many tries are taken. A limit is counted in fixed windows
(aligned to multiples of their length), each by one conditional upsert, on the database's clock.

Keys are stored as HMACs with the secret key: no e-mail or IP address is stored in plain text.
"""

import hmac
import ipaddress
import logging
import math
import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from flask import current_app, request
from flask_babel import format_timedelta, lazy_gettext
from flask_babel import gettext as _
from flask_babel.speaklater import LazyString
from pymongo.errors import PyMongoError

from waitercaller import metrics
from waitercaller.db import clock
from waitercaller.model import counters
from waitercaller.web.errors import DomainError

log = logging.getLogger(__name__)

MAX_MEMORY_ENTRIES = 10_000

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True)
class Allowance:
    """Number of tries in a window: per key, per IP address, or per key and IP address."""

    tries: int
    window: timedelta
    per: Literal["key", "address", "key and address"]


@dataclass(frozen=True)
class Limit:
    """A rate limit. The widest allowance comes first: once it is used up, no further counters are written."""

    sentence: LazyString
    allowances: tuple[Allowance, ...]
    shared: bool = True  # between processes, in MongoDB


TRIES = lazy_gettext("That was tried too often.")
MAILS = lazy_gettext("We have sent several mails already. Please look into your mailbox.")
GUEST = lazy_gettext("There were very many calls in a short time. Please wave to the staff.")

LIMITS: dict[str, Limit] = {
    # Per key and address: guessing a password does not lock out its owner at another address.
    "login": Limit(TRIES, (Allowance(200, HOUR, "address"), Allowance(10, 15 * MINUTE, "key and address"))),
    "register": Limit(TRIES, (Allowance(30, HOUR, "address"), Allowance(5, HOUR, "key"))),
    "resend": Limit(MAILS, (Allowance(30, HOUR, "address"), Allowance(5, HOUR, "key"))),
    "forgot": Limit(MAILS, (Allowance(60, HOUR, "address"), Allowance(5, HOUR, "key"))),
    "redeem": Limit(TRIES, (Allowance(60, HOUR, "address"),)),
    # All staff of a restaurant can share an address. With a thousand valid codes, 20 tries succeed once in 40 million.
    "typed_code": Limit(TRIES, (Allowance(20, 15 * MINUTE, "address"),)),
    # Reached only with the password. With three valid codes at a time, 20 tries a day succeed once in 45 years.
    "two_factor": Limit(TRIES, (Allowance(20, DAY, "key"), Allowance(5, 15 * MINUTE, "key"))),
    "password": Limit(TRIES, (Allowance(10, 15 * MINUTE, "key"),)),
    "email": Limit(MAILS, (Allowance(5, HOUR, "key"),)),
    # Per recipient, over all accounts: protects a mailbox against many mails.
    "email_to": Limit(MAILS, (Allowance(5, DAY, "key"),)),
    "invite": Limit(
        lazy_gettext("These were many invitations in a short time."),
        (Allowance(60, HOUR, "key"),),
    ),
    # Per recipient, over all restaurants: protects a mailbox against many mails.
    "invited": Limit(
        lazy_gettext("This address has had several invitations today."),
        (Allowance(5, DAY, "key"),),
    ),
    "export": Limit(
        lazy_gettext("You have downloaded your data several times just now."),
        (Allowance(5, HOUR, "key"),),
    ),
    "print": Limit(
        lazy_gettext("These were many sheets in a short time."),
        (Allowance(60, HOUR, "key"),),
    ),
    "logo": Limit(
        lazy_gettext("These were many pictures in a short time."),
        (Allowance(30, HOUR, "key"),),
    ),
    "restaurants": Limit(
        lazy_gettext("You have added several restaurants today."),
        (Allowance(10, DAY, "key"),),
    ),
    "push_try": Limit(
        lazy_gettext("These were several messages just now."),
        (Allowance(20, HOUR, "key"),),
    ),
    "examine": Limit(TRIES, (Allowance(20, HOUR, "key"),)),
    "operator_test": Limit(
        lazy_gettext("These were several messages just now."),
        (Allowance(20, HOUR, "key"),),
    ),
    "webhook_test": Limit(
        lazy_gettext("These were several messages just now."),
        (Allowance(20, HOUR, "key"),),
    ),
    # From phones, without a login: a token is good once, and one that is wrong costs no query.
    "push_answer": Limit(TRIES, (Allowance(5000, 10 * MINUTE, "address"),), shared=False),
    # Audit entries of denied requests: more would push earlier entries out of the list that owners see.
    "denied": Limit(TRIES, (Allowance(10, HOUR, "key"),), shared=False),
    # The same for operations that can be repeated without limit; a long evening has fewer.
    "often": Limit(TRIES, (Allowance(30, HOUR, "key"),), shared=False),
    # A button, which may ask every few seconds what its light shows; all of a restaurant share an address.
    "button": Limit(
        TRIES, (Allowance(20_000, 10 * MINUTE, "address"), Allowance(600, 10 * MINUTE, "key")), shared=False
    ),
    # With a million tables, 200 tries an hour find one by chance in 600 years: a short address has 50 bits.
    "guest_typed": Limit(TRIES, (Allowance(200, HOUR, "address"),), shared=False),
    # All guests of a restaurant can share the address of its Wi-Fi; a full restaurant stays far below this.
    "guest_call": Limit(GUEST, (Allowance(5000, 10 * MINUTE, "address"),), shared=False),
    # Of phones that have not called before; those that have count by themselves, so that nobody locks them out.
    "guest_table": Limit(
        GUEST,
        (Allowance(300, 10 * MINUTE, "key"), Allowance(60, 10 * MINUTE, "key and address")),
        shared=False,
    ),
    "guest_phone": Limit(GUEST, (Allowance(20, 5 * MINUTE, "key"),), shared=False),
}


class LimitReached(DomainError):
    """A rate limit is reached; nothing was done. The message says when the next try is possible (429)."""

    retry_after: int  # seconds

    def __init__(self, name: str, retry_after: int) -> None:
        time = format_timedelta(timedelta(seconds=retry_after))
        again = _("It works again in %(time)s.", time=time)  # pybabel does not extract it from an f-string
        super().__init__(f"{LIMITS[name].sentence} {again}", 429)
        self.name = name
        self.retry_after = retry_after


class _Memory:
    """Counters of this process; beyond MAX_MEMORY_ENTRIES the oldest is dropped."""

    def __init__(self) -> None:
        self._counts: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._counts)

    def take(self, window_id: str, tries: int, _ends: datetime) -> bool:
        with self._lock:
            count = self._counts.get(window_id, 0)
            if count >= tries:
                return False
            self._counts[window_id] = count + 1
            if len(self._counts) > MAX_MEMORY_ENTRIES:
                self._counts.popitem(last=False)
            return True

    def forget(self, window_id: str) -> None:
        with self._lock:
            self._counts.pop(window_id, None)

    def clear(self) -> None:
        with self._lock:
            self._counts.clear()


memory = _Memory()


def check(name: str, *keys: str) -> None:
    """Count one try for these keys together and for the visitor's IP address. Raises LimitReached."""
    limit, now = LIMITS[name], clock.now()
    take = counters.take if limit.shared else memory.take
    for allowance in limit.allowances:
        window_id, ends = _window(name, allowance, keys, now)
        try:
            taken = take(window_id, allowance.tries, ends)
        except PyMongoError as error:
            log.error("limits are counted in this process, the database did not answer: %s", type(error).__name__)
            take = memory.take
            taken = take(window_id, allowance.tries, ends)
        if not taken:
            metrics.LIMITS_REACHED.labels(name).inc()
            log.warning("limit reached: %s, %d tries per %s", name, allowance.tries, allowance.per)
            raise LimitReached(name, math.ceil((ends - now).total_seconds()))


def clear(name: str, *keys: str) -> None:
    """Reset the counters of these keys, after a successful try; counters per IP address for all keys remain."""
    now = clock.now()
    cleared = [each for each in LIMITS[name].allowances if each.per != "address"]
    window_ids = [_window(name, allowance, keys, now)[0] for allowance in cleared]
    for window_id in window_ids:
        memory.forget(window_id)
    if LIMITS[name].shared:
        try:
            counters.clear(window_ids)
        except PyMongoError as error:
            log.error("limits could not be cleared: %s", type(error).__name__)


def _window(name: str, allowance: Allowance, keys: tuple[str, ...], now: datetime) -> tuple[str, datetime]:
    """The id of the current window of this allowance, and its end."""
    number = int(now.timestamp() // allowance.window.total_seconds())
    ends = datetime.fromtimestamp((number + 1) * allowance.window.total_seconds(), UTC)
    parts = [name, str(allowance.window), allowance.per]
    if "key" in allowance.per:
        parts += [key.strip().casefold() for key in keys]
    if "address" in allowance.per:
        parts.append(network())
    secret = f"limits {current_app.secret_key!s}".encode()
    digest = hmac.digest(secret, "\0".join(parts).encode("utf-8", "surrogatepass"), "sha256").hex()
    return f"{name}:{number}:{digest}", ends


def network() -> str:
    """The visitor's network, as counted by limits."""
    return _network(request.remote_addr or "")


def _network(address: str) -> str:
    """The network of one visitor: an IPv4 address, or the /64 of an IPv6 address, which is one subscriber's."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        mapped = parsed.ipv4_mapped
        return str(mapped or ipaddress.ip_network((int(parsed), 64), strict=False))
    return str(parsed)
