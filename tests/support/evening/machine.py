"""The restaurant of an evening: what acts on the product, knows what is so, and checks after every act."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import ObjectId
from flask import Flask

from tests.support.evening import contract
from tests.support.evening.contract import Expected, Told
from waitercaller.alerts import due_steps, unheard_restaurants
from waitercaller.db import cache, clock
from waitercaller.db.client import db
from waitercaller.model import messages, pauses, presence, restaurants, subscriptions, tables
from waitercaller.model.messages import Push
from waitercaller.model.requests import queries, seen
from waitercaller.model.restaurants import Actor, Restaurant
from waitercaller.model.subscriptions import Subscription
from waitercaller.outgoing import delivery
from waitercaller.push import sender
from waitercaller.requests.guest.table_view import TableView

BEGIN = datetime(2031, 6, 4, 18, tzinfo=UTC)
HOST = "push.example.org"
CALLS = ("called", "again", "nagged", "raised", "alerted", "repeated")  # a message that says: it waits
PROCESS_LIVES, SCREEN_ANSWERS = timedelta(seconds=45), timedelta(seconds=50)


@dataclass
class Phone:
    """A member's phone, as it is: whether it signs, and whether the push service still knows it."""

    id: str
    member: str
    choice: str
    signs: bool = True
    gone: bool = False
    away: bool = False
    sent_at: datetime | None = None
    signed_at: datetime | None = None
    last: dict[ObjectId, str] = field(default_factory=dict)  # by request: the event of its latest message

    def hears(self, now: datetime) -> bool:
        if self.choice != "all" or self.signed_at is None or self.signed_at <= now - timedelta(hours=24):
            return False
        return self.sent_at is None or self.sent_at <= self.signed_at or self.sent_at > now - timedelta(seconds=20)


@dataclass
class Screen:
    """An open dashboard: `visible` and `audible` are its page's; its stream is held by a process, which may be dead."""

    id: str
    member: str | None
    process: str
    visible: bool
    audible: bool
    answered_at: datetime
    frozen: bool = False
    closed: bool = False  # until the next heartbeat of its process
    blinded: bool = False  # a heartbeat has noted that it is silent


class Evening:
    """An evening; `apps` are processes. The database holds the restaurant, its people and tables, and nothing else."""

    def __init__(
        self, acts: dict[str, "Does"], apps: list[Flask], restaurant_id: ObjectId, logins: dict[str, str]
    ) -> None:
        self.acts, self.apps, self.restaurant_id, self.logins = acts, apps, restaurant_id, logins
        self.now = BEGIN
        self.log: list[str] = []
        self.requests: list[Expected] = []
        self.phones: list[Phone] = []
        self.screens: list[Screen] = []
        self.shown: dict[ObjectId, list[str]] = {}  # by request: ids of screens
        self.signed: dict[ObjectId, list[tuple[str, datetime]]] = {}  # by request: members
        self.tables = tables.of_restaurant(restaurant_id)
        self.slow: list[Any] = []  # requests as a slow process has read them, when their step was due
        self.silent_since: datetime | None = None
        self.number = 0
        self.seen_at: dict[str, datetime] = {}  # by process that holds screens: its last heartbeat
        self.names = [self.fresh() for _ in apps]  # of the processes
        self.got: list[tuple[Phone, Push]] = []

    def act(self, name: str, choose: random.Random) -> None:
        """Do it, a millisecond after the last, and check everything."""
        self.now += timedelta(milliseconds=1)
        did = self.acts[name](self, choose)
        if did is not None:
            self.log.append(f"{self.now:%H:%M:%S.%f} {name}: {did}")
        self.check()

    # --- what is so ---

    @property
    def restaurant(self) -> Restaurant:
        found = restaurants.get(self.restaurant_id)
        assert found is not None
        return found

    @property
    def actors(self) -> list[Actor]:
        return [{"id": each["id"], "name": each["name"]} for each in self.restaurant["members"]]

    @property
    def has_phones(self) -> bool:
        return bool(self.phones)

    def fresh(self) -> str:
        """A name that no other has."""
        self.number += 1
        return f"{self.number:032x}"

    def which(self, *states: str) -> list[Expected]:
        return [each for each in self.requests if each.state in states]

    def visible(self) -> set[str]:
        return {each.id for each in self.open() if each.visible and not each.blinded}

    def open(self) -> list[Screen]:
        """The screens that answer, of processes that live."""
        alive = {name for name, at in self.seen_at.items() if at > self.now - PROCESS_LIVES}
        answered = self.now - SCREEN_ANSWERS
        return [each for each in self.screens if each.process in alive and each.answered_at > answered]

    def is_received(self, request: Expected) -> bool:
        """Whether there is a sign of the member who was asked to go."""
        if any(member == request.by and at >= request.began for member, at in self.signed.get(request.id, [])):
            return True
        there, visible = self.open(), self.visible()
        showing = [each for each in there if each.id in visible & set(self.shown.get(request.id, []))]
        if any(each.member == request.by for each in showing):
            return True
        has_own = request.by in {each.member for each in there} | {each.member for each in self.phones}
        return not has_own and any(each.member is None for each in showing)

    def is_heard(self) -> bool:
        """Whether a call would be heard: by a screen, or by a phone of those who are told of calls."""
        present, _ = contract.here(dict(self.restaurant), self.now)
        if any(each.audible and not each.blinded for each in self.open()):
            return True
        return any(each.hears(self.now) and each.member in present for each in self.phones)

    # --- time ---

    def forward(self, seconds: float) -> None:
        """The clock moves on; pages answer and processes beat, if they can."""
        self.now += timedelta(seconds=seconds)
        for screen in self.screens:
            if not screen.frozen and not screen.closed:
                self.report(screen)
        for app, name in zip(self.apps, self.names, strict=True):
            with app.app_context():
                presence.beat()
            held = [each for each in self.screens if each.process == name]
            if not held:
                self.seen_at.pop(name, None)
                continue
            self.seen_at[name] = self.now
            for screen in held:
                screen.blinded = screen.answered_at <= self.now - SCREEN_ANSWERS
        alive = {name for name, at in self.seen_at.items() if at > self.now - PROCESS_LIVES}
        self.screens = [each for each in self.screens if each.process in alive and not self._is_removed(each)]

    def _is_removed(self, screen: Screen) -> bool:
        return screen.closed and screen.process in self.names

    def report(self, screen: Screen) -> None:
        """What the page says of itself, which is a sign of life."""
        presence.change(self.restaurant_id, screen.id, visible=screen.visible, audible=screen.audible)
        screen.answered_at, screen.blinded = self.now, False

    def draw(self, screen: Screen) -> None:
        """The page shows all live requests."""
        ids = [each.id for each in self.requests if each.live]
        if screen.visible and not screen.frozen and not screen.closed and ids:
            seen.record(self.restaurant_id, ids, screen.id)
            for request_id in ids:
                if screen.id not in self.shown.setdefault(request_id, []):
                    self.shown[request_id].append(screen.id)

    def steps(self, processes: int = 1) -> None:
        """The steps that are due are taken, by one process or by one after the other."""
        owed: list[Told | None] = []
        phones = self.has_phones
        while due := [each for each in self.requests if each.due and each.due <= self.now]:
            owed += [each.advance(self.now, phones, self.is_received(each)) for each in due]
        for app in self.apps[:processes]:
            with app.app_context():
                due_steps.escalate()
        self.check_told([told for told in owed if told])
        assert db().requests.count_documents({"untold": True}) == 0

    def step_of(self, request: Expected) -> None:
        """What a page does after an act: the request's step, if it is due."""
        if request.due is not None and request.due <= self.now:
            told = request.advance(self.now, self.has_phones, self.is_received(request))
            due_steps.take_now(queries.with_ids({"restaurant_id": self.restaurant_id}, [request.id]))
            self.check_told([told] if told else [])

    def send(self) -> None:
        """Push messages leave, and the phones that get them sign."""
        while sender.send_due(self.apps[0]):
            pass
        for phone, push in self.got:
            request_id = push["context"].get("request_id")
            if request_id:
                phone.last[request_id] = push["event"]
            if phone.signs and messages.redeem(push["_id"], "shown"):
                subscriptions.note_signed(phone.id)
                phone.signed_at = self.now
                self.sign(phone, request_id)
        self.got.clear()

    def ask(self, subscription: Subscription, push: Push) -> delivery.Answer:
        """The push service's answer."""
        phone = next(each for each in self.phones if each.id == subscription["_id"])
        phone.sent_at = self.now
        if phone.gone:
            self.phones.remove(phone)
            return delivery.Answer("gone", 410)
        if phone.away:
            return delivery.Answer("later", 503)
        self.got.append((phone, push))
        return delivery.Answer("taken", 201)

    def sign(self, phone: Phone, request_id: ObjectId | None) -> None:
        member = restaurants.member_with_id(self.restaurant, phone.member)
        if request_id and member:
            seen.sign(self.restaurant_id, request_id, member)
            if any(each.id == request_id and each.live for each in self.requests):
                self.signed.setdefault(request_id, []).append((phone.member, self.now))

    # --- checks ---

    def check(self) -> None:
        """What must be so in every state."""
        stored = {each["_id"]: each for each in db().requests.find({"restaurant_id": self.restaurant_id})}
        assert stored.keys() == {each.id for each in self.requests}, "nothing is lost, nothing is there twice"
        for request in self.requests:
            request.compare(stored[request.id])
            if request.live:
                assert request.due is not None
                assert request.due <= max(self.now, request.began) + contract.LONGEST
        live = [each for each in stored.values() if each["live"]]
        assert len({(each["table_id"], each["kind"]) for each in live}) == len(live), "one for each table and kind"
        self.check_guests(live)

    def check_guests(self, live: list[Any]) -> None:
        """A guest who waits is known to somebody, or is told to wave."""
        if not live:
            return
        visible, expected = presence.visible_ids(self.restaurant_id), self.visible()
        assert visible == expected
        for table in self.tables:
            theirs = [each for each in live if each["table_id"] == table["_id"]]
            view = TableView(self.restaurant, self.now, theirs, visible=visible)
            overlooked = [each for each in self.requests if each.table == table["_id"] and self.is_overlooked(each)]
            assert view.is_overlooked == bool(overlooked), "the guest is told to wave, or somebody knows"

    def is_overlooked(self, request: Expected) -> bool:
        if request.state != "waiting" or self.now < request.began + contract.OVERLOOKED:
            return False
        signed = any(at >= request.began for _, at in self.signed.get(request.id, []))
        return not signed and not self.visible() & set(self.shown.get(request.id, []))

    def check_told(self, owed: list[Told]) -> None:
        """The phones that must be told have a message, under the one name that this step gives it."""
        if not owed:
            return
        restaurant, choices = dict(self.restaurant), {each.member: each.choice for each in self.phones}
        for told in owed:
            members, all_of_them = contract.who_hears(told, restaurant, choices, self.now)
            occasion = f"{told.request_id}:{clock.milliseconds(told.due)}:{told.event}"
            ids = {f"{occasion}:{each.id}" for each in self.phones if each.member in members}
            found = {each["_id"] for each in db().pushes.find({"_id": {"$in": sorted(ids)}}, {"_id": True})}
            assert found == ids if all_of_them else bool(found) == bool(ids), f"{told} is told to {members}"

    def check_silence(self) -> None:
        """While a restaurant that is open by hand is heard by nobody, its owner has been told."""
        state = self.restaurant.get("opening")
        if not state or state["state"] != "open" or self.is_heard():
            self.silent_since = None
            return
        self.silent_since = self.silent_since or self.now
        if self.now - self.silent_since < timedelta(minutes=2):
            return
        note = db().alerts.find_one({"restaurant_id": self.restaurant_id})
        assert note, "nobody hears"
        assert note["unheard_since"], "nobody hears"
        lately = note.get("last_told_at") and note["last_told_at"] > self.now - timedelta(minutes=15)
        assert note["told_at"] or lately or note["unheeded"] >= 7, "nobody hears, and nobody was told"
        if note["told_at"]:
            occasion = f"unheard:{self.restaurant_id}:{clock.milliseconds(note['unheard_since'])}:"
            assert db().outbox.find_one({"_id": {"$regex": f"^{occasion}"}}), "the owner's mail"

    def check_phones(self) -> None:
        """No phone that could be reached says that a guest waits who does not any more."""
        over = {each.id for each in self.requests if not each.live}
        for phone in self.phones:
            stale = [request for request, event in phone.last.items() if request in over and event in CALLS]
            assert phone.away or not stale, f"the phone of {phone.member} still says that somebody waits"

    def loops(self) -> None:
        """The loops that need not run at every step: messages leave, silence is noticed, pauses end."""
        for screen in self.screens:
            self.draw(screen)
        self.send()
        unheard_restaurants.check()
        self.check_silence()
        pauses.end_due()
        cache.pauses.clear()
        self.check_phones()


Does = Callable[[Evening, random.Random], object]
