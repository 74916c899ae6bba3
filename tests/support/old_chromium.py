"""Windows of an old Chromium: the one in Qt WebEngine 5.15 (83 or 87), driven by its DevTools protocol.

Playwright wants a newer one. The protocol is JSON over a WebSocket: commands with a number, their answers, and events.
"""

import json
import os
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from websockets.sync.client import connect

from tests.support import databases, timeshift
from tests.support.cast import WAIT_SECONDS, wait_until
from tests.support.website import Website
from tests.support.windows import Window
from waitercaller.local import processes

MISSING = "missing: sudo apt-get install python3-pyqt5.qtwebengine"
PYTHON = "/usr/bin/python3"  # Debian's, which has PyQt5
PROGRAM = Path(__file__).parent / "old_chromium_window.py"
UNTOUCHED = "The AudioContext was not allowed to start"  # before a touch: nobody is told that by a newer one
DOMAINS = ("Page", "Runtime", "Log", "Network")  # whose events are sent


def is_installed() -> bool:
    module = [PYTHON, "-c", "import PyQt5.QtWebEngineWidgets"]
    return subprocess.run(module, check=False, capture_output=True).returncode == 0


class RefusedError(Exception):
    """The browser did not do what it was asked, or the script threw."""


class OldChromiumWindow(Window):
    faults = (RefusedError,)

    def __init__(self, website: Website, size: tuple[int, int], folder: Path) -> None:
        super().__init__(website)
        port = databases.free_port()
        environ = {
            "QT_QPA_PLATFORM": "offscreen",
            "QT_QUICK_BACKEND": "software",
            "QTWEBENGINE_CHROMIUM_FLAGS": "--no-sandbox --disable-gpu",
            "QTWEBENGINE_DISABLE_SANDBOX": "1",  # containers, and root
            "QTWEBENGINE_REMOTE_DEBUGGING": f"127.0.0.1:{port}",
            "XDG_RUNTIME_DIR": str(folder),
        }
        with (folder / "log").open("wb") as log:
            process = processes.start([PYTHON, str(PROGRAM)], environ=os.environ | environ, output=log)
        self._ends = ExitStack()
        self._ends.callback(processes.stop, process, 0)
        connection = connect(_page_at(port), max_size=None, ping_interval=None, proxy=None)
        self._socket = self._ends.enter_context(connection)
        self._number = 0
        self._loaded: set[str] = set()  # the ids of what has been loaded
        self._complaints: list[str] = []
        for domain in DOMAINS:
            self.ask(f"{domain}.enable")
        width, height = size
        self.ask("Page.setLifecycleEventsEnabled", enabled=True)
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.ask("Page.addScriptToEvaluateOnNewDocument", source=timeshift.page_script())

    def ask(self, method: str, **parameters: Any) -> Any:
        """Send a command; returns its result. Raises RefusedError."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while (answer := self._hear()).get("id") != self._number:
            pass
        if "error" in answer:
            raise RefusedError(f"{method}: {answer['error']}")
        return answer["result"]

    def open(self, url: str) -> None:
        loader = self.ask("Page.navigate", url=url)["loaderId"]
        while loader not in self._loaded:
            self._hear()

    def run(self, script: str, *arguments: Any) -> Any:
        expression = f"(function () {{ {script} }}).apply(null, {json.dumps(arguments)})"
        answer = self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RefusedError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def click(self, left: int, top: int) -> None:
        for kind, button in (("mouseMoved", "none"), ("mousePressed", "left"), ("mouseReleased", "left")):
            self.ask("Input.dispatchMouseEvent", type=kind, x=left, y=top, button=button, clickCount=1)

    def type(self, text: str) -> None:
        self.ask("Input.insertText", text=text)

    def set_cookie(self, name: str, value: str) -> None:
        self.ask("Network.setCookie", name=name, value=value, url=self.website.url)

    def complaints(self) -> list[str]:
        self.run("")  # the events before its answer have been heard
        return [each for each in self._complaints if UNTOUCHED not in each]

    def close(self) -> None:
        self._ends.close()

    def _hear(self) -> Any:
        """The next message; notes what events tell."""
        message = json.loads(self._socket.recv(timeout=WAIT_SECONDS))
        told = message.get("params", {})
        match message.get("method"):
            case "Page.lifecycleEvent" if told["name"] == "load":
                self._loaded.add(told["loaderId"])
            case "Runtime.exceptionThrown":
                self._complaints.append(f"uncaught: {told['exceptionDetails']}")
            case "Runtime.consoleAPICalled" if told["type"] in ("error", "warning"):
                self._complaints.append(f"{told['type']}: {told['args']}")
            case "Log.entryAdded" if told["entry"]["level"] in ("error", "warning"):
                self._complaints.append(f"{told['entry']['level']}: {told['entry']['text']} {told['entry'].get('url')}")
        return message


def _page_at(port: int) -> str:
    """The address of the page's WebSocket, as soon as there is a page."""
    found: list[str] = []

    def is_there() -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{port}/json") as answer:
                found.extend(page["webSocketDebuggerUrl"] for page in json.load(answer))
        except OSError:
            return False
        return bool(found)

    wait_until(is_there)
    return found[0]
