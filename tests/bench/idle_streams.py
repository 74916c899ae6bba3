"""Memory and worker CPU of an idle stream of a screen, compared with a stream that sends nothing but heartbeats."""

import re
import time
from collections.abc import Callable
from pathlib import Path

from tests.bench import servers
from tests.bench.idle_screens import Screen, Streams, open_screens
from tests.support.gunicorn import Gunicorn
from waitercaller import create_app

WARM_UP = 20  # streams that are opened before
MEASURED_SECONDS = 60.0
SETTLE_SECONDS = 10.0
MAX_MEMORY_RATIO, MAX_MS = 1.3, 0.5


def report() -> None:
    """Print both for the same number of streams, which are open on two servers at the same time."""
    with servers.database() as (environ, folder):
        environ |= {"TRUSTED_HOSTS": "127.0.0.1,localhost", "ARGON2_MEMORY_KIB": "8192", "ARGON2_ROUNDS": "1"}
        screens = open_screens(create_app(servers.config(environ)))
        ours = servers.serve("wsgi:app", environ, folder)
        bare = servers.serve("tests.bench.bare:app", environ, folder)
        try:
            time.sleep(SETTLE_SECONDS)
            memory, cpu = _measure({"ours": ours, "bare": bare}, screens)
        finally:
            ours.stop()
            bare.stop()
    print(
        f"idle stream: {memory['ours']:.1f} KB of memory, a bare one {memory['bare']:.1f} KB, ratio "
        f"{memory['ours'] / memory['bare']:.2f} (aim ≤ {MAX_MEMORY_RATIO:g}); worker CPU a minute {cpu['ours']:.2f} ms "
        f"(aim ≤ {MAX_MS:g}), of a bare one {cpu['bare']:.2f} ms"
    )


def _measure(serving: dict[str, Gunicorn], screens: list[Screen]) -> tuple[dict[str, float], dict[str, float]]:
    """KB and CPU milliseconds a minute of each stream, by server."""
    streams = {name: Streams(server.port) for name, server in serving.items()}

    def open_all(which: list[Screen]) -> None:
        for name, opened in streams.items():
            for each in which:
                opened.open("/stream" if name == "bare" else f"{each.home}/live", each.cookie)
        time.sleep(SETTLE_SECONDS)

    try:
        open_all(screens[:WARM_UP])
        alone, before = _minute(serving), _of_each(serving, _kilobytes)
        open_all(screens[WARM_UP:])
        after, used = _of_each(serving, _kilobytes), _minute(serving)
    finally:
        for opened in streams.values():
            opened.close()
    count = len(screens) - WARM_UP
    memory = {name: (after[name] - before[name]) / count for name in serving}
    return memory, {name: (used[name] - alone[name]) / count * 1000 for name in serving}


def _minute(serving: dict[str, Gunicorn]) -> dict[str, float]:
    before = _of_each(serving, servers.cpu_seconds)
    time.sleep(MEASURED_SECONDS)
    after = _of_each(serving, servers.cpu_seconds)
    return {name: after[name] - before[name] for name in serving}


def _of_each(serving: dict[str, Gunicorn], figure: Callable[[Gunicorn], float]) -> dict[str, float]:
    return {name: figure(server) for name, server in serving.items()}


def _kilobytes(server: Gunicorn) -> float:
    """The memory that the worker has for itself."""
    found = re.search(r"Private_Dirty:\s+(\d+)", Path(f"/proc/{server.workers[0]}/smaps_rollup").read_text())
    assert found
    return float(found[1])
