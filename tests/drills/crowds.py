"""Crowds on loopback: many screens back at once, connections that never read or never ask, bodies without end, guesses.

Under each of them three guests go on calling; what the workers hold in memory is compared with what they held before.
"""

import os
import random
import resource
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from http.client import HTTPException
from pathlib import Path

from tests.drills.kills import kill_worker
from tests.drills.row import Row, broken, number
from tests.drills.scene import PATIENCE_SECONDS, Callers, Scene, Screen, address, opened
from tests.support.cast import wait_until
from tests.support.deploy.guests import FORM

CALLERS = 3
SCREENS, SCREENS_OF_A_LOGIN = 500, 5
UNREAD, UNREAD_SECONDS = 200, 40.0
CONNECTIONS = 500  # half-open ones, and as many slow ones
HEAD_SECONDS = 15.0  # until gunicorn has closed what sends no head, or one byte at a time
BODIES, BODY_BYTES = 50, 10_000_000
GUESSES, GUESSERS = 10_000, 4
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
ANSWER_SECONDS = 5.0  # of a guest's page or call meanwhile
GROWTH_MB = 100  # of both workers together
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")

Crowd = Callable[[Scene], tuple[dict[str, object], str, list[str]]]  # counts, the slowest, what does not hold


def rows(folder: Path) -> Iterator[Row]:
    """Each crowd once: SCREENS (500) screens, N (10,000) guesses."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    crowds: dict[str, Crowd] = {
        "screens back at once": screens_back,
        "screens that never read": never_read,
        "half-open connections and slow heads": never_ask,
        "bodies without end": endless_bodies,
        "guessed codes": guesses,
    }
    with opened(Scene(folder / "crowds")) as scene:
        for fault, crowd in crowds.items():
            yield run(scene, fault, crowd)


def run(scene: Scene, fault: str, crowd: Crowd) -> Row:
    """One crowd, while guests call."""
    workers, before = scene.gunicorn.workers, _megabytes(scene)
    callers = Callers(scene, CALLERS)
    counts, slowest, holds = crowd(scene)
    callers.end()
    after, same = _megabytes(scene), workers == scene.gunicorn.workers
    failed = sum(count for status, count in callers.answered.items() if not status or status >= 500)
    counts |= {"calls of others": len(callers.keys), "of their requests that failed": failed}
    counts |= {f"→ {after} MB of the workers": before}
    holds += broken(memory=after - before < GROWTH_MB, nobody_called=bool(callers.keys))
    if same:  # whoever was just at a killed worker has asked again
        holds += broken(others_failed=not failed, others_late=callers.slowest < ANSWER_SECONDS)
    return Row(fault, 1, counts, f"others {callers.slowest:.1f} s; {slowest}", holds)


def screens_back(scene: Scene) -> tuple[dict[str, object], str, list[str]]:
    """All lines of a worker break, and all of the other one."""
    wanted = number("SCREENS", SCREENS)
    cookies = [scene.counter(f"Screen {each}") for each in range(-(-wanted // SCREENS_OF_A_LOGIN))]
    screens = [Screen(scene, cookies[each % len(cookies)]) for each in range(wanted)]
    wait_until(lambda: all(each.shown is not None for each in screens), PATIENCE_SECONDS)
    for _ in scene.gunicorn.workers:
        kill_worker(scene)
    began = time.monotonic()
    wait_until(lambda: all(each.shown is None for each in screens) or time.monotonic() - began > 1, PATIENCE_SECONDS)
    wait_until(lambda: all(each.shown is not None for each in screens), PATIENCE_SECONDS)
    back = time.monotonic() - began
    for each in screens:
        each.ended.set()
    return {"screens": wanted, "back": sum(each.shown is not None for each in screens)}, f"all back {back:.1f} s", []


def never_read(scene: Scene) -> tuple[dict[str, object], str, list[str]]:
    """Streams of screens that are opened and never read, while the list changes all the time."""
    cookies = [scene.counter(f"Deaf {each}") for each in range(-(-UNREAD // SCREENS_OF_A_LOGIN))]
    with ExitStack() as stack:
        connections = [stack.enter_context(_connected(scene, 4096)) for _ in range(UNREAD)]
        for each, connection in enumerate(connections):
            cookie = cookies[each % len(cookies)]
            _ask(connection, "GET", f"{scene.alice.home}/live", f"Cookie: session={cookie}\r\n")
        time.sleep(UNREAD_SECONDS)
        streams = sum(scene.gunicorn.streams().values())
    return {"streams": UNREAD, "connections then": streams}, f"for {UNREAD_SECONDS:.0f} s", []


def never_ask(scene: Scene) -> tuple[dict[str, object], str, list[str]]:
    """Connections that send nothing, and those that send a head byte by byte."""
    with ExitStack() as stack:
        silent = [stack.enter_context(_connected(scene)) for _ in range(CONNECTIONS)]
        slow = [stack.enter_context(_connected(scene)) for _ in range(CONNECTIONS)]
        began, left = time.monotonic(), {*silent, *slow}
        while left and time.monotonic() - began < 2 * HEAD_SECONDS:
            for each in slow:
                with suppress(OSError):
                    each.send(b"G")
            left = {each for each in left if not _is_closed(each)}
            time.sleep(0.5)
        closed = time.monotonic() - began
    counts: dict[str, object] = {"connections": 2 * CONNECTIONS, "not closed": len(left)}
    return counts, f"all closed {closed:.1f} s", broken(left_open=not left, late=closed < HEAD_SECONDS)


def endless_bodies(scene: Scene) -> tuple[dict[str, object], str, list[str]]:
    """Forms with a body that is far too long, half of them in chunks."""
    began, paths = time.monotonic(), ("/login", f"/t/{scene.tables[0]['code']}/call")

    def send(each: int) -> tuple[int, int]:
        with _connected(scene) as connection:
            is_chunked = bool(each % 2)
            length = "Transfer-Encoding: chunked" if is_chunked else f"Content-Length: {BODY_BYTES}"
            _ask(connection, "POST", paths[each // 2 % 2], f"Content-Type: {FORM['Content-Type']}\r\n{length}\r\n")
            return _poured(connection, is_chunked)

    with ThreadPoolExecutor(BODIES) as pool:
        answers = list(pool.map(send, range(BODIES)))
    statuses = Counter(status for status, _ in answers)
    counts: dict[str, object] = {"bodies": BODIES}
    counts |= {f"× {status}": count for status, count in sorted(statuses.items())}
    counts["MB sent"] = sum(sent for _, sent in answers) // 1_000_000
    return counts, f"all answered {time.monotonic() - began:.1f} s", broken(taken=not set(statuses) - {0, 400, 413})


def guesses(scene: Scene) -> tuple[dict[str, object], str, list[str]]:
    """N guesses of codes: whole ones, short ones, those of buttons, and typed codes of phones; from four addresses."""
    wanted, began = number("N", GUESSES), time.monotonic()

    def guess(each: int) -> int:
        code = "".join(random.choices(ALPHABET, k=26))
        path = (f"/t/{code}", f"/t/{code[:10]}", f"/b/{code}", f"/t/{code}/live")[each % 4]
        headers = {"X-Forwarded-For": f"10.255.0.{each % GUESSERS + 1}"}
        with suppress(OSError, HTTPException):
            return scene.send(path, headers).status
        return 0

    with ThreadPoolExecutor(GUESSERS) as pool:
        statuses = Counter(pool.map(guess, range(wanted)))
    counts: dict[str, object] = {f"× {status}": count for status, count in sorted(statuses.items())}
    seconds = time.monotonic() - began
    holds = broken(found=not set(statuses) - {0, 404, 429, 303}, a_5xx=not any(each >= 500 for each in statuses))
    return counts, f"{wanted / seconds:.0f} guesses a second", holds


def _connected(scene: Scene, receive_buffer: int = 0) -> socket.socket:
    connection = socket.socket()
    if receive_buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    connection.settimeout(PATIENCE_SECONDS)
    connection.connect(("127.0.0.1", scene.gunicorn.port))
    return connection


def _ask(connection: socket.socket, method: str, path: str, headers: str) -> None:
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Forwarded-For: {address()}\r\n{headers}\r\n"
    connection.sendall(head.encode())


def _is_closed(connection: socket.socket) -> bool:
    """Whether the other side has closed it; an answer, such as 408, may come before."""
    connection.setblocking(False)
    try:
        return not connection.recv(65_536)
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        connection.settimeout(PATIENCE_SECONDS)


def _poured(connection: socket.socket, is_chunked: bool) -> tuple[int, int]:
    """The status of the answer, 0 if the line broke before, and how many bytes could be sent."""
    block, sent = b"x" * 16_000, 0
    with suppress(OSError):
        while sent < BODY_BYTES:
            connection.sendall(b"%x\r\n%b\r\n" % (len(block), block) if is_chunked else block)
            sent += len(block)
    with suppress(OSError, ValueError, IndexError):
        return int(connection.recv(1000).split()[1]), sent
    return 0, sent


def _megabytes(scene: Scene) -> int:
    """What the workers hold in memory."""
    pages = [int(Path(f"/proc/{worker}/statm").read_text().split()[1]) for worker in scene.gunicorn.workers]
    return sum(pages) * PAGE_BYTES // 1_000_000
