"""What a request must be, and who must be told: the tables of states and steps in docs/architecture.md, once more.

Independent of the product's code, and plain: a request as the contract has it, and what each act and each second makes
of it. The times are the usual ones.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bson import ObjectId

STEPS = {
    "waiting": ((40, "nagged"), (80, "raised"), (120, "alerted")),
    "accepted": ((240, "taker_reminded"), (360, "colleagues_told"), (480, "returned")),
}
REPEAT = REMINDER = timedelta(seconds=60)
SIGN = timedelta(seconds=20)
BACK = timedelta(minutes=5)
UNDO = timedelta(minutes=5)
OVERLOOKED = timedelta(seconds=5)
LONGEST = timedelta(minutes=5)  # that may pass in any state without a step
EVENTS = {"announced": "called", "reminder_told": "again", "receiver_told": "passed"}
TO_ALL = ("raised", "alerted", "repeated")
TO_MANAGERS = ("alerted", "repeated")
TO_ONE = ("passed", "taker_reminded", "returned")


@dataclass
class Told:
    """Phones are told of a step: its event, and the request as it was before."""

    event: str
    request_id: ObjectId
    table: ObjectId
    due: datetime  # when the step was due
    by: str | None
    passed_by: str | None


@dataclass
class Expected:
    """A request as it must be."""

    id: ObjectId
    table: ObjectId
    kind: str
    askers: list[str | None]  # the phones that ask for it, the first one first; None: the staff
    first_at: datetime
    state: str = "waiting"
    by: str | None = None
    passed_by: str | None = None
    began: datetime = field(init=False)
    told_at: datetime = field(init=False)
    taken: int = 0  # steps in this state
    next: str | None = None
    due: datetime | None = None
    ended_at: datetime | None = None
    reminders: int = 0
    history: list[str] = field(default_factory=lambda: ["called"])

    @property
    def live(self) -> bool:
        return self.state in STEPS

    def may_be_undone(self, now: datetime) -> bool:
        return self.state in ("resolved", "dismissed") and self.ended_at is not None and self.ended_at > now - UNDO

    # --- what people do ---

    def wait(self, now: datetime, phones: bool) -> None:
        self.state, self.by, self.passed_by, self.ended_at = "waiting", None, None, None
        self.began = self.told_at = now
        self.taken = 0
        self.next, self.due = ("announced", now) if phones else ("nagged", now + timedelta(seconds=40))

    def go(self, by: str, now: datetime) -> None:
        self.state, self.by, self.passed_by, self.began, self.taken = "accepted", by, None, now, 0
        self.next, self.due = "taker_reminded", now + timedelta(seconds=240)

    def pass_on(self, to: str, by: str, now: datetime) -> None:
        self.go(to, now)
        self.passed_by, self.next, self.due = by, "receiver_told", now

    def postpone(self, now: datetime) -> None:
        self.passed_by, self.taken = None, 0
        self.next, self.due = "taker_reminded", now + BACK
        self.began = now + BACK - timedelta(seconds=240)

    def end(self, state: str, now: datetime) -> None:
        self.state, self.passed_by, self.next, self.due, self.ended_at = state, None, None, None, now

    def remind(self, now: datetime, phones: bool) -> None:
        self.reminders += 1
        self.history.append("reminded")
        again = max(now, self.told_at + REMINDER)
        if phones and self.due and again < self.due and not self.passed_by:
            self.next, self.due = "reminder_told", again

    # --- what happens by itself ---

    def advance(self, now: datetime, phones: bool, received: bool) -> Told | None:
        """The step that is due; what was missed happens at once, and only the latest is told."""
        assert self.due is not None
        assert self.next is not None
        what, told = self.next, Told("", self.id, self.table, self.due, self.by, self.passed_by)
        if what == "receiver_told":
            self.next, self.due, told.event = "receiver_checked", max(self.began + SIGN, now), "passed"
            return told
        offsets = STEPS[self.state]
        missed = [name for after, name in offsets[self.taken :] if self.began + timedelta(seconds=after) <= now]
        if "returned" in missed or (what == "receiver_checked" and not received):
            self.history.append("returned")
            self.wait(now, phones)
            told.event = "returned"
            return told
        if self.state == "waiting" or what == "reminder_told":
            self.told_at = now
        self.passed_by, self.taken = None, self.taken + len(missed)
        self.history += missed
        if self.taken < len(offsets):
            after, self.next = offsets[self.taken]
            self.due = self.began + timedelta(seconds=after)
        else:
            self.next, self.due = "repeated", now + REPEAT
        told.event = missed[-1] if missed else EVENTS.get(what, what)
        return told if told.event not in ("receiver_checked",) else None

    def compare(self, stored: dict[str, Any]) -> None:
        """Assert that the stored request is this one, and that in any case somebody is due to be told."""
        is_live = stored["state"] in STEPS
        assert stored["live"] == is_live
        assert (stored["next_step"] is not None) == (stored["due_at"] is not None) == is_live, "a next step is due"
        found = {
            "state": stored["state"],
            "by": stored["by"] and stored["by"]["id"],
            "passed by": stored["passed_by"] and stored["passed_by"]["id"],
            "next": (stored["next_step"], stored["due_at"]),
            "since": (stored["first_at"], stored["ended_at"]),
            "reminders": stored["reminders"],
            "history": [step["what"] for step in stored["steps"]],
        }
        wanted = {
            "state": self.state,
            "by": self.by if self.live else found["by"],  # who went, stays
            "passed by": self.passed_by,
            "next": (self.next, self.due),
            "since": (self.first_at, self.ended_at),
            "reminders": self.reminders,
            "history": self.history,
        }
        wrong = {key: (found[key], value) for key, value in wanted.items() if found[key] != value}
        assert not wrong, f"found, and wanted: {wrong}"


def here(restaurant: dict[str, Any], now: datetime) -> tuple[set[str], list[dict[str, Any]]]:
    """The members who hear calls, and the entries of those on duty."""
    members = {each["id"] for each in restaurant["members"]}
    present = [each for each in restaurant.get("duty", []) if each["until"] > now and each["member_id"] in members]
    return {each["member_id"] for each in present if holder(each, present) == each["member_id"]} or members, present


def holder(entry: dict[str, Any], present: list[dict[str, Any]]) -> str:
    """Who has what is this entry's: its member, or during a break the deputy."""
    by_id, met = {each["member_id"]: each for each in present}, set()
    while entry["deputy"] in by_id and entry["member_id"] not in met:
        met.add(entry["member_id"])
        entry = by_id[entry["deputy"]]
    member: str = entry["member_id"]
    return member


def who_hears(told: Told, restaurant: dict[str, Any], choices: dict[str, str], now: datetime) -> tuple[set[str], bool]:
    """The members whose phones must be told; True: these, False: one of these. `choices` are those of the phones."""
    present, entries = here(restaurant, now)
    if told.event in TO_ONE or (told.event == "again" and told.by):
        one = told.passed_by or told.by if told.event == "returned" else told.by
        heard = {member for member, choice in choices.items() if choice == "all" or told.event != "again"}
        return {one} & heard if one else set(), True
    if told.event in TO_ALL:
        managers = {each["id"] for each in restaurant["members"] if each["role"] != "waiter"}
        return (present | (managers if told.event in TO_MANAGERS else set())) & choices.keys(), True
    willing = {member for member, choice in choices.items() if choice == "all"} - {told.by}
    theirs = {holder(each, entries) for each in entries if told.table in each["tables"]} & willing
    return (theirs, True) if theirs else (present & willing, not entries)
