"""Latency of the demo restaurant under a steady load, compared between the beginning and the end of the run.

30 screens and 30 guests' pages hold their streams, and ten guests a minute call; each call is shown by a screen,
accepted and resolved. STEADY_MINUTES says how long it runs (3 if unset; the 30 of docs/mongodb.md take half an hour).
"""

import contextlib
import http.cookiejar
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

from tests.support import ROOT, databases
from waitercaller.local import processes

SCREENS = 30
SCREENS_PER_LOGIN = 10
GUESTS = 30
CALL_INTERVAL_SECONDS = 6.0
ANSWER_SECONDS = 10.0
WINDOWS = 3  # into which the run is divided, to be compared
START_SECONDS = 120.0


class Visitor:
    """A browser without scripts: keeps cookies, follows redirects, and counts the responses."""

    def __init__(self, url: str, answers: Counter[str]) -> None:
        self.url = url
        self.answers = answers
        jar = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))

    def ask(self, path: str, form: dict[str, str] | None = None, **headers: str) -> str:
        """GET, or POST with a form; returns the body, or "" without a response."""
        request = urllib.request.Request(self.url + path, urlencode(form).encode() if form else None, headers)
        try:
            with self._opener.open(request, timeout=ANSWER_SECONDS) as answer:
                self.answers[str(answer.status)] += 1
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            self.answers[str(error.code)] += 1
        except OSError as error:
            self.answers[type(error).__name__] += 1
        return ""

    def follow(self, path: str, stopped: threading.Event) -> None:
        """Hold a stream open and reopen it when it ends; both are counted."""
        while not stopped.is_set():
            try:
                with self._opener.open(self.url + path, timeout=3 * ANSWER_SECONDS) as stream:
                    self.answers["streams opened"] += 1
                    for line in stream:
                        if line.startswith(b"data:") and b'"reason"' in line:
                            self.answers[f"stream ended: {json.loads(line[5:])['reason']}"] += 1
                        if stopped.is_set():
                            return
            except OSError as error:
                self.answers[f"stream lost: {type(error).__name__}"] += 1
            stopped.wait(2)


def report() -> None:
    """Print the latency of taps for each part of the run, and the counts of answers."""
    minutes = float(os.environ.get("STEADY_MINUTES", "3"))
    answers: Counter[str] = Counter()
    stopped = threading.Event()
    with tempfile.TemporaryDirectory() as folder, _demo(Path(folder)) as (url, password):
        staff = Visitor(url, answers)
        home, codes = _log_in(staff, password)
        for number in range(SCREENS):
            if number % SCREENS_PER_LOGIN == 0:
                _log_in(login := Visitor(url, answers), password)
            path = f"{home}/live?screen={number:032x}&visible=1&audible=1"
            threading.Thread(target=login.follow, args=(path, stopped), daemon=True).start()
        for number in range(GUESTS):
            path = f"/t/{codes[number % len(codes)]}/live"
            threading.Thread(target=Visitor(url, answers).follow, args=(path, stopped), daemon=True).start()
        taps = _call_for(minutes, url, staff, home, codes, answers)
        stopped.set()
    _print(minutes, taps, answers)


@contextlib.contextmanager
def _demo(folder: Path) -> Iterator[tuple[str, str]]:
    """Run `make demo` on a separate folder; yields its URL and the owner's password."""
    port = databases.free_port()
    environ = {**os.environ, "PORT": str(port)}
    log = folder / "demo.log"
    with log.open("wb") as output:
        command = [sys.executable, "-m", "waitercaller", "run", "--demo", "--data", str(folder / "instance")]
        process: subprocess.Popen[bytes] = processes.start(command, folder=ROOT, environ=environ, output=output)
    try:
        until = time.monotonic() + START_SECONDS
        while not (match := re.search(r"with the password (\S+)", log.read_text())) or "http://" not in log.read_text():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}", match[1]
    finally:
        processes.stop(process, 20)


def _log_in(staff: Visitor, password: str) -> tuple[str, list[str]]:
    """Log in; returns the path prefix of the restaurant's pages and the codes of its tables."""
    token = _field(staff.ask("/login"), "csrf_token")
    page = staff.ask("/login", {"csrf_token": token, "email": "demo@example.org", "password": password})
    home = re.search(r'"(/r/[0-9a-f]{24})/', page)
    assert home, page
    codes = sorted(set(re.findall(r"/t/([A-Z2-7]{26})", staff.ask(f"{home[1]}/tables"))))
    assert codes
    return home[1], codes


def _call_for(
    minutes: float, url: str, staff: Visitor, home: str, codes: list[str], answers: Counter[str]
) -> list[float]:
    """Call from one table after the other; returns the milliseconds of each call."""
    taps: list[float] = []
    token = _field(staff.ask(f"{home}/dashboard"), "csrf_token")
    for number in range(round(minutes * 60 / CALL_INTERVAL_SECONDS)):
        due = time.monotonic() + CALL_INTERVAL_SECONDS
        guest, code = Visitor(url, answers), codes[number % len(codes)]
        form = _field(guest.ask(f"/t/{code}"), "form")
        began = time.monotonic()
        guest.ask(f"/t/{code}/call", {"form": form, "kind": "waiter"}, **{"Sec-Fetch-Site": "same-origin"})
        taps.append((time.monotonic() - began) * 1000)
        for request_id in set(re.findall(r"data-ids='([0-9a-f]{24})", staff.ask(f"{home}/dashboard"))):
            fields = {"csrf_token": token, "ids": request_id}
            staff.ask(f"{home}/shown", {**fields, "screen": f"{0:032x}"})
            staff.ask(f"{home}/requests/{request_id}/accept", fields)
            staff.ask(f"{home}/requests/{request_id}/resolve", fields)
        time.sleep(max(0.0, due - time.monotonic()))
    return taps


def _field(page: str, name: str) -> str:
    match = re.search(rf'name="{name}"[^>]*?value="([^"]+)"', page)
    return match[1] if match else ""


def _print(minutes: float, taps: list[float], answers: Counter[str]) -> None:
    size = max(1, len(taps) // WINDOWS)
    parts = [sorted(taps[at : at + size]) for at in range(0, size * WINDOWS, size) if taps[at : at + size]]
    latencies = "; ".join(
        f"median {statistics.median(part):.0f}, 95 % {part[round(len(part) * 0.95) - 1]:.0f}, slowest {part[-1]:.0f} ms"
        for part in parts
    )
    print(f"steady load for {minutes:g} minutes, {len(taps)} taps, in {len(parts)} parts: {latencies}")
    print(f"  answers: {dict(sorted(answers.items()))}")
