#!/usr/bin/env python3
"""The program that Playwright starts as Firefox (tests.support.browser.launch_firefox): Firefox, behind a proxy.

Playwright speaks WebDriver BiDi to it, and insists on a command that Firefox ESR does not know. The proxy answers that
one, and passes on all others. FIREFOX is the path of the real one.
"""

import asyncio
import json
import os
import re
import signal
import sys
from typing import Any

from websockets.asyncio.client import connect
from websockets.asyncio.connection import Connection
from websockets.asyncio.server import ServerConnection, serve

LISTENING = "WebDriver BiDi listening on"  # Playwright looks for these words, too
LONGEST_LINE = 1_000_000  # bytes
UNLIMITED: dict[str, Any] = {"max_size": None, "ping_interval": None, "open_timeout": None, "compression": None}


async def main() -> int:
    """Run Firefox until it ends, or until Playwright has gone."""
    firefox = await asyncio.create_subprocess_exec(
        os.environ["FIREFOX"], *sys.argv[1:], stderr=asyncio.subprocess.PIPE, limit=LONGEST_LINE
    )
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, firefox.terminate)
    assert firefox.stderr
    while line := (await firefox.stderr.readline()).decode(errors="replace"):
        if found := re.search(rf"{LISTENING} (\S+)", line):
            await stand_before(found[1], firefox)
        else:
            print(line, end="", file=sys.stderr, flush=True)
    return await firefox.wait()


async def stand_before(address: str, firefox: asyncio.subprocess.Process) -> None:
    """Listen for Playwright, and tell it where."""

    async def handle(playwright: ServerConnection) -> None:
        assert playwright.request
        async with connect(address + playwright.request.path, **UNLIMITED) as upstream:
            ways = [
                asyncio.create_task(send_on(playwright, upstream)),
                asyncio.create_task(answer(upstream, playwright)),
            ]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        if firefox.returncode is None:
            firefox.terminate()

    server = await serve(handle, "127.0.0.1", 0, **UNLIMITED)
    port = next(iter(server.sockets)).getsockname()[1]
    print(f"{LISTENING} ws://127.0.0.1:{port}", file=sys.stderr, flush=True)


async def send_on(playwright: Connection, firefox: Connection) -> None:
    """Pass on what Playwright sends, but for the command that Firefox does not know."""
    async for message in playwright:
        command = json.loads(message)
        if command["method"] == "emulation.setMediaFeaturesOverride":
            await playwright.send(json.dumps({"id": command["id"], **media(command["params"]["features"])}))
        else:
            await firefox.send(message)


def media(features: dict[str, str | None]) -> dict[str, Any]:
    """The answer to the wish for these media features: light is what Firefox has anyway."""
    if features in ({"prefers-color-scheme": "light"}, {"prefers-color-scheme": None}, {}):
        return {"type": "success", "result": {}}
    return {"type": "error", "error": "unsupported operation", "message": f"Firefox ESR cannot emulate {features}"}


async def answer(firefox: Connection, playwright: Connection) -> None:
    """Pass on what Firefox answers."""
    async for message in firefox:
        await playwright.send(message)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
