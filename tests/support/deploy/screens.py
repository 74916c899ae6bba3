"""Thousands of open screens in one process: each holds an event stream, and reconnects as the pages' scripts do."""

import asyncio
import json
import random
import ssl
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from tests.support.deploy import http2
from tests.support.deploy.apache import DOMAIN
from waitercaller.live import streams

MAX_HANDSHAKES = 100  # at the same time, while the screens are opened; reconnecting is spread by the backoff only
# As static/js/event-stream.js has them:
MAX_BACKOFF_SECONDS = 8.0  # before jitter of ±50 %
SILENCE_SECONDS = streams.HEARTBEAT_SECONDS + 3.0  # after which a stream counts as broken


@dataclass
class Screen:
    path: str
    source: str  # its IP address
    http2: bool = False
    live: bool = False
    events: Counter[str] = field(default_factory=Counter)
    was_live: bool = False
    returns_at: float = 0.0  # when it is to come back, as its last "bye" has told it


class Screens:
    """Screens that are open from `open()` to `close()`; their counts may be read at any time."""

    def __init__(self, port: int, tls: Callable[[], ssl.SSLContext], screens: list[Screen]) -> None:
        self.port = port
        self.tls = [_speaking(tls, "http/1.1"), _speaking(tls, "h2")]
        self.screens = screens
        self.refused: Counter[str] = Counter()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._hold_all(),))
        self._ended = asyncio.Event()

    @property
    def live(self) -> int:
        return sum(screen.live for screen in self.screens)

    def __str__(self) -> str:
        return f"{self.live} of {len(self.screens)} are live; failures until now: {dict(self.refused)}"

    def open(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()
        self._loop.close()

    async def _hold_all(self) -> None:
        gate = asyncio.Semaphore(MAX_HANDSHAKES)
        tasks = [asyncio.create_task(self._hold(screen, gate)) for screen in self.screens]
        await self._ended.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0.1)  # lets the event loop close aborted connections

    async def _hold(self, screen: Screen, gate: asyncio.Semaphore) -> None:
        failures = 0
        while True:
            try:
                said_goodbye = await self._follow(screen, gate if not screen.was_live else None)
            except (OSError, EOFError) as error:
                self.refused[type(error).__name__] += 1
                said_goodbye = False
            failures = 0 if said_goodbye or screen.live else failures + 1
            screen.live = False
            backoff = min(2.0 ** max(failures - 1, 0), MAX_BACKOFF_SECONDS) * (0.5 + random.random())
            await asyncio.sleep(screen.returns_at - time.monotonic() if said_goodbye else backoff)

    async def _follow(self, screen: Screen, gate: asyncio.Semaphore | None) -> bool:
        """Follow one stream to its end; returns whether the server sent "bye"."""
        name = ""
        if gate is None:
            reader, writer = await self._connect(screen)
        else:
            async with gate:
                reader, writer = await self._connect(screen)
        try:
            speak = http2.ask if screen.http2 else _ask_http1
            lines = _within(SILENCE_SECONDS, speak(reader, writer, DOMAIN, screen.path))
            status = await anext(lines, b"nothing")
            if status != b"200":
                self.refused[status.decode()] += 1
                return False
            async for line in lines:
                if line.startswith(b"event: "):
                    name = line[7:].strip().decode()
                    screen.events[name] += 1
                    screen.live = screen.was_live = True
                if name == "bye" and line.startswith(b"data: "):
                    screen.returns_at = time.monotonic() + json.loads(line[6:])["retry_ms"] / 1000
                    return True
            return False
        finally:
            writer.transport.abort()  # a TLS close_notify would keep it open for longer

    async def _connect(self, screen: Screen) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(
            "127.0.0.1",
            self.port,
            local_addr=(screen.source, 0),
            ssl=self.tls[screen.http2],
            server_hostname=DOMAIN,
            ssl_handshake_timeout=60.0,
        )


async def _within(seconds: float, lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same lines; TimeoutError if the next one does not come within `seconds`."""
    while True:
        async with asyncio.timeout(seconds):
            line = await anext(lines, None)
        if line is None:
            return
        yield line


def _speaking(tls: Callable[[], ssl.SSLContext], protocol: str) -> ssl.SSLContext:
    context = tls()
    context.set_alpn_protocols([protocol])
    return context


async def _ask_http1(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, path: str
) -> AsyncIterator[bytes]:
    """GET `path`: yields the status, then the lines of the body."""
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: text/event-stream\r\n\r\n".encode())
    status = (await reader.readline()).split(b" ")
    yield status[1] if status[1:] else b"nothing"
    while line := await reader.readline():
        yield line
