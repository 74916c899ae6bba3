"""The program that holds the pages: `python -m tests.drills.house.load PLAN`, a process of its own.

PLAN is a file of JSON (drill.py writes it). Each line of standard input is a command, answered by one line of JSON:
"open", "live" (how many are), "call 10" (taps a second), "report" (counts since the last one), "end".
"""

import asyncio
import json
import random
import ssl
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.drills.house.pages import Counts, Guest, Net, Page, Screen

OPENING = 100  # pages at the same time, at the beginning; afterwards pages come back as they like
ACCEPT_SECONDS, RESOLVE_SECONDS = (6.0, 12.0), (16.0, 24.0)  # after the tap
AGAIN_SECONDS = 2.0  # after an act of the staff that failed
LOST_SECONDS = 60.0  # after which a call that no screen shows is given up


@dataclass
class Call:
    """A call, and the screens that do not show it yet."""

    sent: float
    guest: Guest
    left: set[Screen]
    ids: str = ""
    is_taken: bool = False


@dataclass
class Restaurant:
    screens: list[Screen] = field(default_factory=list)
    calls: dict[str, Call] = field(default_factory=dict)  # by table, while they are live
    over: set[str] = field(default_factory=set)  # ids of requests that have ended


class House:
    """All pages, the taps, and the staff."""

    def __init__(self, plan: dict[str, Any], loop: asyncio.AbstractEventLoop) -> None:
        tls = ssl.create_default_context()
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE  # that costs the load generator, not the server
        tls.set_alpn_protocols(["h2"])
        self.loop, self.net = loop, Net(loop, tls, plan["port"], plan["signs"])
        self.pages: list[Page] = []
        self.free: dict[Guest, tuple[Restaurant, str]] = {}  # guests without a call, with their tables
        self.missed = self.skipped = 0
        self.lag = 0.0  # seconds: how late this program's own timer was
        self._period = 0.0
        for each in plan["restaurants"]:
            self._move_in(each)
        random.shuffle(self.pages)
        self._unopened = list(self.pages)
        self._check(loop.time())

    def _move_in(self, plan: dict[str, Any]) -> None:
        restaurant = Restaurant()
        for login in plan["screens"]:
            screen = Screen(self.net, plan["source"], plan["home"], login)
            screen.on_cards = lambda screen, cards: self._see(restaurant, screen, cards)
            restaurant.screens.append(screen)
        guests = {Guest(self.net, plan["source"], each["code"]): each["id"] for each in plan["tables"]}
        self.free |= {guest: (restaurant, table_id) for guest, table_id in guests.items()}
        self.pages += [*restaurant.screens, *guests]

    def open(self) -> None:
        for _ in range(OPENING):
            self._open_next()

    def _open_next(self) -> None:
        if self._unopened:
            page = self._unopened.pop()
            page.settled = self._open_next
            page.open()

    def _check(self, due: float) -> None:
        """Each second: streams that are silent, calls that screens have missed, and how late this is."""
        self.lag = max(self.lag, self.loop.time() - due)
        now = time.monotonic()
        for page in self.pages:
            page.check(now)
        self.loop.call_at(due + 1.0, self._check, due + 1.0)

    def call(self, a_second: float) -> None:
        """From now on this many taps a second; 0: none."""
        was, self._period = self._period, 1 / a_second if a_second else 0.0
        if self._period and not was:
            self._tap(self.loop.time())

    def _tap(self, due: float) -> None:
        if not self._period:
            return
        able = [guest for guest in random.sample(list(self.free), min(20, len(self.free))) if guest.live]
        if able:
            self._call(able[0], *self.free.pop(able[0]))
        else:
            self.skipped += 1
        self.loop.call_at(due + self._period, self._tap, due + self._period)

    def _call(self, guest: Guest, restaurant: Restaurant, table_id: str) -> None:
        call = Call(time.monotonic(), guest, {each for each in restaurant.screens if each.live})
        restaurant.calls[table_id] = call

        def answered(answer: dict[str, Any] | None) -> None:
            self.net.counts.answer_seconds.append(time.monotonic() - call.sent)
            call.is_taken = answer is not None
            if not call.is_taken:
                self._forget(restaurant, table_id)

        guest.call(answered)
        for what, seconds in (("accept", ACCEPT_SECONDS), ("resolve", RESOLVE_SECONDS)):
            self.loop.call_later(random.uniform(*seconds), self._act, restaurant, table_id, call, what)

    def _see(self, restaurant: Restaurant, screen: Screen, cards: list[tuple[str, str]]) -> None:
        """A screen shows these cards."""
        for table_id, ids in cards:
            call = restaurant.calls.get(table_id)
            if call and ids not in restaurant.over:
                call.ids = ids
                if screen in call.left:
                    call.left.discard(screen)
                    self.net.counts.delays.append(time.monotonic() - call.sent)

    def _act(self, restaurant: Restaurant, table_id: str, call: Call, what: str) -> None:
        """The staff accepts or resolves a call, once more if that fails."""
        if restaurant.calls.get(table_id) is not call:
            return
        screen = next((each for each in restaurant.screens if each.live), None)

        def answered(status: int, _body: bytes) -> None:
            if status not in (200, 409):
                self.loop.call_later(AGAIN_SECONDS, self._act, restaurant, table_id, call, what)
            elif what == "resolve":
                self._forget(restaurant, table_id)

        if screen and call.ids:
            screen.act(what, call.ids, answered)
        elif time.monotonic() - call.sent < LOST_SECONDS:
            answered(0, b"")
        else:
            self._forget(restaurant, table_id)

    def _forget(self, restaurant: Restaurant, table_id: str) -> None:
        """The call has ended: the guest may call again. Screens that were live all the time should have shown it."""
        if call := restaurant.calls.pop(table_id, None):
            restaurant.over.add(call.ids)
            missed = [each for each in call.left if each.live and each.live_since < call.sent]
            self.missed += len(missed) if call.is_taken else 0
            self.free[call.guest] = restaurant, table_id

    def live(self) -> dict[str, Any]:
        """How many screens and guests are live, of how many pages."""
        live = Counter(page.kind for page in self.pages if page.live)
        return {"screen": live["screen"], "guest": live["guest"], "all": len(self.pages)}

    def report(self) -> dict[str, Any]:
        """What happened since the last report."""
        counts, self.net.counts = self.net.counts, Counts()
        more = {"missed": self.missed, "skipped": self.skipped, "lag": self.lag, **self.live()}
        self.missed, self.skipped, self.lag = 0, 0, 0.0
        return vars(counts) | more


def main(plan: str) -> None:
    """Hold the pages of this file until "end", or until standard input is closed."""
    loop = asyncio.new_event_loop()
    house = House(json.loads(Path(plan).read_text()), loop)
    commands: dict[str, Callable[[float], dict[str, Any] | None]] = {
        "open": lambda _: house.open(),
        "live": lambda _: house.live(),
        "call": house.call,
        "report": lambda _: house.report(),
    }

    def obey() -> None:
        name, _, value = sys.stdin.readline().strip().partition(" ")
        if name not in commands:
            loop.stop()
            return
        print(json.dumps(commands[name](float(value or 0))), flush=True)

    faults: list[BaseException] = []

    def fail(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        faults.append(context.get("exception") or RuntimeError(context["message"]))
        loop.stop()

    loop.set_exception_handler(fail)  # a fault of this program ends it
    loop.add_reader(0, obey)
    loop.run_forever()
    if faults:
        raise faults[0]


if __name__ == "__main__":
    main(sys.argv[1])
