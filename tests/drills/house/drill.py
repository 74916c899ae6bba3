"""A full house: thousands of screens and guests through Apache with TLS, held while guests call; then a restart.

The pages are held by a program of its own (load.py); this one measures the programs, and asks it what happened.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import quantiles
from typing import Any, Self

from tests.drills.house import programs
from tests.drills.house.site import House, many_files
from tests.drills.row import Row, broken, number
from tests.support import ROOT

SCREENS, GUESTS, MINUTES, CALLS = 5000, 2000, 10.0, 10.0
OPEN_SECONDS, BACK_SECONDS = 300.0, 180.0  # then it goes on with the pages that are open
EVENT_SECONDS = 1.0  # 99 of 100 events come within it
ALL_BACK_SECONDS = 60.0
SETTLE_SECONDS = 20.0  # after the last tap, until its call is over; and before memory is read the first time
LEVELS = ("warning", "error")

Counts = dict[str, object]


class Load:
    """The load generator; each command is answered."""

    def __init__(self, plan: Path) -> None:
        command = [sys.executable, "-m", "tests.drills.house.load", str(plan)]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )

    def ask(self, command: str) -> Any:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the load generator has ended"
        return json.loads(line)

    def all_live(self, seconds: float) -> bool:
        """Wait until all pages are live, for so long."""
        deadline = time.monotonic() + seconds
        while (live := self.ask("live"))["screen"] + live["guest"] < live["all"]:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.5)
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        self._process.stdin.close()  # which ends it
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def rows(folder: Path) -> Iterator[Row]:
    """SCREENS (5000) and GUESTS (2000), held for MINUTES (10) with CALLS (10) a second; SIGNS=0: no signs of life."""
    many_files()
    minutes, calls = (float(os.environ.get(name) or usual) for name, usual in (("MINUTES", MINUTES), ("CALLS", CALLS)))
    house = House(
        folder / "house", number("SCREENS", SCREENS), number("GUESTS", GUESTS), signs=bool(number("SIGNS", 1))
    )
    try:
        house.open()
        plan = folder / "plan.json"
        plan.write_text(json.dumps(house.plan))
        with Load(plan) as load:
            load.ask("live")
            before = programs.megabytes()
            yield opened(house, load)
            yield held(house, load, minutes * 60, calls, before)
            yield restarted(house, load)
    finally:
        house.close()


def opened(house: House, load: Load) -> Row:
    """All pages are opened, a hundred at a time."""
    began = time.monotonic()
    load.ask("open")
    is_complete = load.all_live(OPEN_SECONDS)
    seconds = time.monotonic() - began
    report = load.ask("report")
    return _row(
        house,
        f"{report['all']} pages opened",
        report,
        {},
        f"all live {seconds:.0f} s",
        broken(not_all_live=is_complete),
    )


def held(house: House, load: Load, seconds: float, calls: float, before: dict[str, float]) -> Row:
    """They stay open while guests call and the staff answers."""
    cpu, machine, began = programs.cpu_seconds(), programs.machine_seconds(), time.monotonic()
    load.ask(f"call {calls}")
    time.sleep(seconds)
    load.ask("call 0")
    taken = time.monotonic() - began
    used = {name: value - cpu.get(name, 0.0) for name, value in programs.cpu_seconds().items()}
    used["the whole machine"] = programs.machine_seconds() - machine
    memory = programs.megabytes()
    time.sleep(SETTLE_SECONDS)
    report = load.ask("report")
    counts: Counts = {"events on screens": len(report["delays"])}
    counts |= {f"% of a core {name}": round(100 * value / taken) for name, value in sorted(used.items())}
    for name in ("gunicorn", "Apache"):
        each = (memory[name] - before[name]) * 1000 / (report["screen"] + report["guest"] or 1)
        counts[f"MB {name} ({before[name]:.0f} before, {each:.0f} KB a stream)"] = round(memory[name])
    counts |= {"screens that missed a call": report["missed"], "taps for which no guest was free": report["skipped"]}
    events, answers = _times(report["delays"]), _times(report["answer_seconds"])
    slowest = (
        f"tap → event {_said(events)}; tap → answer {_said(answers)}; load generator late by {report['lag']:.2f} s"
    )
    holds = _troubles(report) + broken(
        events_late=events[1] < EVENT_SECONDS,
        calls_missed=not report["missed"],
        not_all_live=report["screen"] + report["guest"] == report["all"],
        nobody_called=bool(report["delays"]),
    )
    return _row(house, f"held for {seconds / 60:g} min, {calls:g} calls a second", report, counts, slowest, holds)


def restarted(house: House, load: Load) -> Row:
    """`systemctl restart`: SIGTERM, and a new gunicorn on the same socket."""
    began = time.monotonic()
    house.gunicorn.stop()
    stopped = time.monotonic() - began
    house.gunicorn.start(house.gunicorn.is_ready)
    ready = time.monotonic() - began
    is_complete = load.all_live(BACK_SECONDS)
    back = time.monotonic() - began
    report = load.ask("report")
    asked, came = (max(report[name].values(), default=0) for name in ("asked", "came"))
    counts: Counts = {"streams asked for in the busiest second": asked, "streams back in the busiest second": came}
    slowest = f"stopped {stopped:.1f} s, ready {ready:.1f} s, all back {back:.1f} s"
    holds = _troubles(report) + broken(not_all_back=is_complete, back_late=back < ALL_BACK_SECONDS)
    return _row(house, "service restarted", report, counts, slowest, holds)


def _row(house: House, fault: str, report: dict[str, Any], counts: Counts, slowest: str, holds: list[str]) -> Row:
    """What all rows tell: live pages, answers, broken lines, the first troubles, and full processes of Apache."""
    alive: Counts = {"screens live": report["screen"], "guests live": report["guest"]}
    answers: Counts = {f"× {name}": count for name, count in sorted(report["answers"].items())}
    lines: Counts = {f"lines ended in order ({why})": count for why, count in sorted(report["byes"].items())}
    lines |= {f"lines broken ({why})": count for why, count in sorted(report["broken"].items())}
    full = house.apache.log("error").count("MaxRequestWorkers")
    logged = {f"{level} in the application's log": house.gunicorn.log.count(f'"level": "{level}"') for level in LEVELS}
    logs: Counts = {"warnings of Apache that all threads are taken": full, **logged}
    first = "; first " + ", ".join(report["troubles"]) if report["troubles"] else ""
    return Row(fault, 1, {**alive, **counts, **answers, **lines, **logs}, slowest + first, holds)


def _troubles(report: dict[str, Any]) -> list[str]:
    """Whether there were answers of 429 or 5xx, requests without an answer, or broken lines."""
    statuses = [int(name.split()[-1]) for name in report["answers"]]
    return broken(
        refused_429=429 not in statuses,
        a_5xx=max(statuses, default=0) < 500,
        unanswered=0 not in statuses,
        lines_broken=not report["broken"],
    )


def _times(seconds: list[float]) -> tuple[float, float, float]:
    """Median, 99th percentile and maximum."""
    if len(seconds) < 2:
        return 0.0, 0.0, 0.0
    cuts = quantiles(seconds, n=100, method="inclusive")
    return cuts[49], cuts[98], max(seconds)


def _said(times: tuple[float, float, float]) -> str:
    return "p50 {:.3f} s, p99 {:.3f} s, at most {:.1f} s".format(*times)
