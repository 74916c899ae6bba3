"""Check of push messages to the staff's phones: whether their push services take them."""

from collections import Counter
from collections.abc import Iterator

import pymongo
from pymongo.errors import PyMongoError

from config import Config
from waitercaller.model import subscriptions
from waitercaller.ops.doctor.finding import Finding, bad, good, note
from waitercaller.outgoing import delivery

TIMEOUT_SECONDS = 5.0


def services(config: Config) -> Iterator[Finding]:
    """Which push services have not taken our latest messages."""
    if not config.vapid_private_key:
        yield note("VAPID_PRIVATE_KEY is empty: phones are told of no calls.", "waitercaller vapid-key makes one.")
        return
    try:
        with pymongo.timeout(TIMEOUT_SECONDS):
            failing = Counter(delivery.host_of(each["endpoint"]) for each in subscriptions.failing())
    except PyMongoError:
        return  # reported by `database.answers`
    for host, phones in failing.most_common():
        yield bad(
            f"{host} does not take our messages; phones that are told nothing: {phones}.",
            f"The log says what it answers (gave up the push message). 401 or 403: it refuses our key or our contact, "
            f"{config.push_contact}: is that somebody's address? No answer: does the firewall let us out to it?",
        )
    if not failing:
        yield good(f"Push services take our messages; their contact is {config.push_contact}.")
