"""Counts of requests per cell, and figures aggregated from cells."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NotRequired, TypedDict

from bson import ObjectId

from waitercaller.model.service_request import ServiceRequest, is_by_staff

# Upper bounds of the buckets of the histogram of waits. The last bucket has none.
BUCKET_BOUNDS_SECONDS = (*range(5, 120, 5), *range(120, 300, 10), *range(300, 900, 30), *range(900, 3601, 300))
ANSWER_STEPS = ("accepted", "passed", "resolved")
COUNTS = (
    "calls",
    "answered",
    "given_up",
    "nobody",
    "alerted",
    "by_staff",
    "unreached",
    "unknown",
    "good",
    "bad",
)  # of Figures
UNDO_STEPS = ("reopened", "released", "returned")  # the guest waits again, since `first_at`


class Cell(TypedDict):
    """Counts of the requests of one kind at one table, in one zone, in a quarter of an hour."""

    zone_id: str | None
    zone_name: str | None
    kind: str
    table_id: NotRequired[ObjectId]  # of joined tables the head; absent in what was counted before tables were
    table_name: NotRequired[str]
    calls: int
    answered: int
    given_up: int  # cancelled by the guest before it was accepted
    nobody: int  # dismissed: nobody was at the table
    alerted: int  # the managers were alerted
    by_staff: NotRequired[int]  # entered by staff; absent in what was counted before that could be
    unreached: NotRequired[int]  # see `reached_nobody`; absent in what was counted before that was: unknown
    good: NotRequired[int]  # guests said that it was all right; absent in what was counted before they were asked
    bad: NotRequired[int]  # or that it was not
    waits: dict[str, int]  # answered requests by bucket of the histogram


def answered_after(request: ServiceRequest) -> timedelta | None:
    """The time from `first_at` until the request was accepted or resolved; None if it was not.

    An answer that was undone does not count.
    """
    answered_at = None
    for step in request["steps"]:
        if step["what"] in UNDO_STEPS:
            answered_at = None
        elif step["what"] in ANSWER_STEPS and answered_at is None:
            answered_at = step["at"]
    return max(timedelta(), answered_at - request["first_at"]) if answered_at else None


def reached_nobody(request: ServiceRequest) -> bool:
    """Whether no screen has shown it, no phone has signed for it, and nobody of the staff has done anything with it.

    A live one counts from its first overdue step on: before that somebody may be about to see it.
    """
    if request["shown"] or request["signed"] or any(step["by"] for step in request["steps"]):
        return False
    return not request["live"] or any(step["what"] == "nagged" for step in request["steps"])


def cells_of(requests: Iterable[ServiceRequest]) -> list[Cell]:
    """Count these requests by zone, kind and table."""
    cells: dict[tuple[str | None, str, ObjectId], Cell] = {}
    for request in requests:
        key = (request["zone_id"], request["kind"], request["table_id"])
        cell = cells.setdefault(key, _empty(request))
        _count(cell, request)
    return list(cells.values())


def _empty(request: ServiceRequest) -> Cell:
    return {
        "zone_id": request["zone_id"],
        "zone_name": request["zone_name"],
        "kind": request["kind"],
        "table_id": request["table_id"],
        "table_name": request["table_name"],
        "calls": 0,
        "answered": 0,
        "given_up": 0,
        "nobody": 0,
        "alerted": 0,
        "by_staff": 0,
        "unreached": 0,
        "good": 0,
        "bad": 0,
        "waits": {},
    }


def _count(cell: Cell, request: ServiceRequest) -> None:
    wait = answered_after(request)
    cell["calls"] += 1
    cell["answered"] += wait is not None
    cell["given_up"] += wait is None and request["state"] == "cancelled"
    cell["nobody"] += request["state"] == "dismissed"
    cell["alerted"] += any(step["what"] == "alerted" for step in request["steps"])
    cell["by_staff"] = cell.get("by_staff", 0) + is_by_staff(request)
    cell["unreached"] = cell.get("unreached", 0) + reached_nobody(request)
    cell["good"] = cell.get("good", 0) + (request.get("opinion") == "good")
    cell["bad"] = cell.get("bad", 0) + (request.get("opinion") == "bad")
    if wait is not None:
        bucket = str(bisect_right(BUCKET_BOUNDS_SECONDS, wait.total_seconds()))
        cell["waits"][bucket] = cell["waits"].get(bucket, 0) + 1


@dataclass
class Figures:
    """The sum of several cells."""

    calls: int = 0
    answered: int = 0
    given_up: int = 0
    nobody: int = 0
    alerted: int = 0
    by_staff: int = 0
    unreached: int = 0  # as far as is known
    unknown: int = 0  # calls that were counted before `unreached` was
    good: int = 0  # what guests said of them
    bad: int = 0
    waits: list[int] = field(default_factory=lambda: [0] * (len(BUCKET_BOUNDS_SECONDS) + 1))

    def add(self, cell: Cell) -> None:
        """Add the counts of a cell."""
        self.calls += cell["calls"]
        self.answered += cell["answered"]
        self.given_up += cell["given_up"]
        self.nobody += cell["nobody"]
        self.alerted += cell["alerted"]
        self.by_staff += cell.get("by_staff", 0)
        self.unreached += cell.get("unreached", 0)
        self.good += cell.get("good", 0)
        self.bad += cell.get("bad", 0)
        self.unknown += 0 if "unreached" in cell else cell["calls"]
        for bucket, count in cell["waits"].items():
            self.waits[int(bucket)] += count

    def __add__(self, other: "Figures") -> "Figures":
        return self._with(other, 1)

    def __sub__(self, other: "Figures") -> "Figures":
        return self._with(other, -1)

    def _with(self, other: "Figures", sign: int) -> "Figures":
        counts = {name: getattr(self, name) + sign * getattr(other, name) for name in COUNTS}
        return Figures(**counts, waits=[a + sign * b for a, b in zip(self.waits, other.waits, strict=True)])

    @property
    def unanswered(self) -> int:
        """Calls to which nobody went: given up, nobody found at the table, withdrawn, or still waiting."""
        return self.calls - self.answered

    def wait(self, share: float) -> timedelta | None:
        """The quantile `share` of the waits of answered requests (0.5: the median); None without answered requests.

        Interpolated within a bucket, so its accuracy is the width of the bucket: 5 s up to two minutes.
        """
        left = share * self.answered
        for bucket, count in enumerate(self.waits):
            if count and left <= count:
                begin, end = _edges(bucket)
                return timedelta(seconds=round(begin + (end - begin) * left / count))
            left -= count
        return None

    def within(self, limit: timedelta) -> int:
        """The number of requests that were answered within `limit`, interpolated within a bucket."""
        seconds, number = limit.total_seconds(), 0.0
        for bucket, count in enumerate(self.waits):
            begin, end = _edges(bucket)
            number += count * min(1.0, max(0.0, (seconds - begin) / (end - begin)))
        return round(number)


def total(cells: Iterable[Cell]) -> Figures:
    """The sum of these cells."""
    figures = Figures()
    for cell in cells:
        figures.add(cell)
    return figures


def _edges(bucket: int) -> tuple[int, int]:
    """The bounds of a bucket in seconds; the last one is taken to be as wide as the one before."""
    begin = BUCKET_BOUNDS_SECONDS[bucket - 1] if bucket else 0
    return begin, BUCKET_BOUNDS_SECONDS[bucket] if bucket < len(BUCKET_BOUNDS_SECONDS) else begin + 300
