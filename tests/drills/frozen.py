"""The database frozen: every route answers in time meanwhile, 503 or what needs no database; streams come back."""

import itertools
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.drills.row import Row, broken, number
from tests.drills.scene import PATIENCE_SECONDS, Scene, Screen, opened
from tests.support.asvs import address as path_of
from tests.support.asvs import routes
from tests.support.cast import wait_until
from tests.support.deploy.guests import FORM

FROZEN_SECONDS = 30.0
ANSWER_SECONDS = 2.0
SCREENS, VISITORS = 5, 3
NOT_TRIED = {"auth.logout"}  # it would end the login that the others are tried with


def rows(folder: Path) -> Iterator[Row]:
    """The database frozen once, for FROZEN (30) seconds."""
    with opened(Scene(folder / "frozen")) as scene:
        yield run(scene, number("FROZEN", round(FROZEN_SECONDS)))


def run(scene: Scene, seconds: float) -> Row:
    """Ask every route once, and again while time is left; then the screens must be right."""
    screens = [Screen(scene, scene.counter(f"Screen {each}")) for each in range(SCREENS)]
    wait_until(lambda: all(screen.shown is not None for screen in screens), PATIENCE_SECONDS)
    asked, workers = _routes(scene), scene.gunicorn.workers
    scene.database.freeze()
    try:
        until = time.monotonic() + seconds
        answers = _ask_all(scene, asked, until)
        time.sleep(max(0.0, until - time.monotonic()))
    finally:
        scene.database.thaw()
    began = time.monotonic()
    wait_until(lambda: all(screen.shown == scene.live_ids() for screen in screens), PATIENCE_SECONDS)
    back = time.monotonic() - began
    for screen in screens:
        screen.ended.set()
    return _row(scene, answers, back, workers)


def _row(scene: Scene, answers: list[tuple[str, int, float]], back: float, workers: list[int]) -> Row:
    statuses = Counter(status for _, status, _ in answers)
    late = {name for name, _, seconds in answers if seconds > ANSWER_SECONDS}
    bad = {name for name, status, _ in answers if (status >= 500 and status != 503) or not status}
    name, _, slowest = max(answers, key=lambda answer: answer[2])
    counts = {"routes": len({name for name, _, _ in answers}), "answers": len(answers)}
    counts |= {f"× {status}": count for status, count in sorted(statuses.items())} | {"later than 2 s": len(late)}
    holds = broken(no_503=bool(statuses[503]), workers_ended=workers == scene.gunicorn.workers)
    holds += [f"neither 503 nor below 500: {', '.join(sorted(bad))}"] if bad else []
    holds += [f"late: {', '.join(sorted(late))}"] if late else []
    return Row("database frozen", 1, counts, f"{slowest:.1f} s ({name}); streams right {back:.1f} s after", holds)


def _routes(scene: Scene) -> list[tuple[str, str, str]]:
    """(name, method, path) of each route, in Alice's restaurant."""
    return [
        (f"{method} {rule.endpoint}", method, path_of(scene.app, rule, scene.alice, scene.tables[0]))
        for method in ("GET", "POST")
        for rule in routes(scene.app, method)
        if rule.endpoint not in NOT_TRIED and not rule.endpoint.endswith("live")  # a stream does not end
    ]


def _ask_all(scene: Scene, asked: list[tuple[str, str, str]], until: float) -> list[tuple[str, int, float]]:
    """The status and seconds of each answer; 0: none."""
    found: list[tuple[str, int, float]] = []

    def ask(number_and_route: tuple[int, tuple[str, str, str]]) -> None:
        count, (name, method, path) = number_and_route
        if count >= len(asked) and time.monotonic() > until:
            return
        began = time.monotonic()
        try:
            status = _ask(scene, method, path)
        except (OSError, HTTPException):
            status = 0
        found.append((name, status, time.monotonic() - began))

    repeated = enumerate(itertools.chain(*[asked] * 3))
    with ThreadPoolExecutor(VISITORS) as pool:
        list(pool.map(ask, repeated))
    return found


def _ask(scene: Scene, method: str, path: str) -> int:
    headers = {**FORM, "Cookie": f"session={scene.cookie}"}
    body = urlencode({"csrf_token": scene.token}).encode() if method == "POST" else None
    options: dict[str, Any] = {"method": method, "body": body}
    return scene.send(path, headers, **options).status
