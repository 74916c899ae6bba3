"""With 5,000 past requests in one restaurant, no command of the inventory examines more than what it is about.

On the embedded server, which takes only some of the indexes that mongod would: what is flat here is flat there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from bson import ObjectId
from pymongo import MongoClient
from pymongo.database import Database

from tests.support import databases
from tests.wire import examined, inventory
from tests.wire.protocol import Document
from tests.wire.shapes import ANY
from waitercaller.db import clock, schema
from waitercaller.db.validators import VALIDATORS

pytestmark = pytest.mark.slow

PAST, LIVE = 5_000, 10  # requests
# Large transactions may never end in the embedded server (docs/facts.md).
BATCH = 500
OTHERS = 300  # documents of each other collection, each of another restaurant and another person
# How many documents a command may examine beyond those that its filter finds: of requests, those of a day.
SLACK, A_DAY = 20, 40

# What may read a whole collection all the same, and why.
SMALL = {
    "alerts": "one document for each restaurant",
    "erasures": "gone as soon as they are carried out",
    "invitations": "purged a while after they expire",
    "pauses": "purged a day after their end",
    "registrations": "purged when they expire",
    "restaurants": "one document for each restaurant",
    "screens": "one document for each process and each restaurant with an open dashboard",
}


# What reads more all the same, since it names an alternative ($or), or all of a state that few are in.
EXEMPT = {
    ("logins", "update many ended_at: $set"),  # `flask end-logins`
    ("outbox", "find state, $or(created_at $gt | refused $ne) sort created_at limit"),  # for metrics and the doctor
    ("outbox", "find state $in, attempts $gt sort -next_at limit"),  # for the page of diagnostics
    ("pushes", "find state $in, attempts $gt sort -next_at limit"),  # likewise
    # Once an hour, for each restaurant that keeps calls for fewer days than others.
    ("requests", "find restaurant_id, created_at $lt, ended_at $lt sort created_at"),
    ("rollups", "find state, quarter $lt"),  # quarters that are not counted for good yet
    ("tables", "find button.secret, removed_at limit"),  # by a partial index, which the embedded server does not take
    ("tables", "find sort _id"),  # for what a restore loses, by the patient client
    ("users", "find operator_since $ne sort email"),  # `flask operators list`, by the patient client
    ("users", "find sort _id"),  # likewise
    ("users", "update _id, $or(two_factor_offer.login_id $ne | two_factor_offer.until $lte): $set"),
}


@dataclass
class Full:
    """A database full of requests, and of each collection a document to ask for."""

    database: Database[Document]
    samples: dict[str, Document]
    live: Document


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Full]:
    server = databases.Server(tmp_path_factory.mktemp("examined"))
    server.start()
    try:
        with MongoClient[Document](server.uri, tz_aware=True) as client:
            yield _full(client[databases.fresh_name()])
    finally:
        server.kill()


def _full(database: Database[Document]) -> Full:
    schema.build(database)
    samples = {each: _fill(database, each) for each in schema.INDEXES}
    live = database.requests.find_one({"live": True})
    assert live is not None
    return Full(database, samples, live)


def _fill(database: Database[Document], name: str) -> Document:
    """Write the documents of this collection; returns one of them."""
    now, rules = clock.now(), VALIDATORS[name]["$jsonSchema"]
    documents = [examined.document(rules, now) for _ in range(PAST if name == "requests" else OTHERS)]
    indexed = {path for index in schema.INDEXES[name] for path in index.document["key"] if "." not in path}
    for each in documents:
        for path in {"_id", *indexed} - set(each):
            each[path] = ObjectId()
    if name == "logins":
        documents[-1]["unchecked"] = True  # of few; the index holds no others
    if name == "requests":
        _make_them_of_one_restaurant(documents)
    for first in range(0, len(documents), BATCH):
        database[name].insert_many(documents[first : first + BATCH], bypass_document_validation=True)
    return dict(documents[-1])


def _make_them_of_one_restaurant(requests: list[Document]) -> None:
    for number, each in enumerate(requests):
        each["restaurant_id"] = requests[0]["restaurant_id"]
        if number < LIVE:
            each.update(
                live=True,
                untold=True,
                hook_due=True,
                state="waiting",
                due_at=each["created_at"],
                next_step="nagged",
                ended_at=None,
            )
        else:
            ended_at = each["created_at"] + timedelta(minutes=5)
            each.update(live=False, state="resolved", due_at=None, next_step=None, ended_at=ended_at)


def test_no_command_examines_more_than_it_is_about(full: Full) -> None:
    too_many = []
    for collection, shape in sorted(inventory.reviewed()):
        if collection == ANY or collection in SMALL or (collection, shape) in EXEMPT:
            continue
        for part in shape.split("; "):
            if (condition := examined.condition_of(part)) is not None:
                asked = _asked(full, collection, condition)
                number = _examined(full, collection, asked)
                found = full.database[collection].count_documents(asked)
                if number > found + (A_DAY if collection == "requests" else SLACK):
                    too_many.append(f"[{collection}] {part}: {number} examined, {found} found")
    assert too_many == []


def _asked(full: Full, collection: str, condition: str) -> Document:
    """A filter of this shape."""
    is_about_few = collection == "requests" and any(each in condition for each in ("live", "untold", "hook_due"))
    sample = full.live if is_about_few else full.samples[collection]
    return examined.example(condition, sample, clock.now())


def _examined(full: Full, collection: str, asked: Document) -> int:
    """How many documents are examined for this filter."""
    return examined.examined(full.database, collection, asked, PAST if collection == "requests" else OTHERS)


@pytest.mark.parametrize(
    ("condition", "number"),
    [
        ("_id $in, restaurant_id", 1),
        ("restaurant_id, _id $in", PAST),
        ("restaurant_id, live", LIVE),
        ("$or(state | state), _id", PAST),
        ("note", PAST),
    ],
)
def test_what_the_embedded_server_examines_is_known_here(full: Full, condition: str, number: int) -> None:
    assert _examined(full, "requests", _asked(full, "requests", condition)) == number
