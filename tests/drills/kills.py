"""kill -9 of a worker, of gunicorn's master, of the database at random moments, under calls of guests and screens."""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.drills.row import Row, broken, number
from tests.drills.scene import PATIENCE_SECONDS, Callers, Scene, Screen, opened
from tests.support.cast import wait_until

GUESTS, SCREENS = 20, 5
LATE = "screens late"
AGREE_SECONDS = 5.0  # after the recovery, until every screen shows what the database has


def kill_worker(scene: Scene) -> None:
    os.kill(random.choice(scene.gunicorn.workers), signal.SIGKILL)


def kill_master(scene: Scene) -> None:
    scene.gunicorn.kill_master()
    scene.gunicorn.start(scene.gunicorn.is_ready, PATIENCE_SECONDS)


def kill_database(scene: Scene) -> None:
    scene.database.kill()
    scene.database.start()


FAULTS: dict[str, Callable[[Scene], None]] = {
    "worker killed": kill_worker,
    "gunicorn's master killed, started again after 1 s": kill_master,
    "database killed and started again": kill_database,
}


def rows(folder: Path) -> Iterator[Row]:
    """ROUNDS (2) rounds of each fault."""
    for fault, cause in FAULTS.items():
        with opened(Scene(folder / cause.__name__)) as scene:
            yield run(scene, fault, cause, number("ROUNDS", 2), GUESTS, SCREENS)


def run(scene: Scene, fault: str, cause: Callable[[Scene], None], rounds: int, guests: int, screens: int) -> Row:
    """These rounds; then each acknowledged key must be in the database, once."""
    opened_screens = [Screen(scene, scene.counter(f"Screen {each}")) for each in range(screens)]
    callers = Callers(scene, guests)
    times = [_round(scene, cause, callers, opened_screens) for _ in range(rounds)]
    callers.end()
    for each in opened_screens:
        each.ended.set()
    kept = Counter(key for request in scene.requests() for key in request["keys"])
    lost = sum(not kept[key] for key in callers.keys)
    doubled = sum(count > 1 for count in kept.values())
    answers = callers.answered
    counts = {
        "calls acknowledged": len(callers.keys),
        "lost": lost,
        "doubled": doubled,
        "without an answer": answers[0],
        "× 503": answers[503],
        "× 500": answers[500],
    }
    holds = broken(
        calls_lost=not lost,
        calls_doubled=not doubled,
        a_500=not answers[500],
        nothing_acknowledged=bool(callers.keys),
    )
    holds += [LATE] if max(times) > AGREE_SECONDS else []
    slowest = f"screens right {min(times):.1f}–{max(times):.1f} s after the recovery"
    return Row(fault, rounds, counts, slowest, holds)


def _round(scene: Scene, cause: Callable[[Scene], None], callers: Callers, screens: list[Screen]) -> float:
    """Seconds from the recovery until all screens show what the database has."""
    callers.go_on()
    time.sleep(random.uniform(0.5, 3))
    cause(scene)
    began = time.monotonic()
    time.sleep(random.uniform(0, 1))
    callers.rest()

    def agree() -> bool:
        truth = scene.live_ids()
        return all(screen.shown == truth for screen in screens)

    wait_until(agree, PATIENCE_SECONDS)
    seconds = time.monotonic() - began
    wait_until(scene.gunicorn.is_up, PATIENCE_SECONDS)
    return seconds
