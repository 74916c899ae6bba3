"""Windows of WebKitGTK, driven by WebKitWebDriver: the engine of iPhones and iPads, as Debian builds it.

There is one driver for each window, since a driver has one session, and a session one set of cookies.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.remote.client_config import ClientConfig
from selenium.webdriver.remote.remote_connection import RemoteConnection
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.webkitgtk.options import Options

from tests.support import databases, timeshift
from tests.support.cast import WAIT_SECONDS, wait_until
from tests.support.website import Website
from tests.support.windows import Window
from waitercaller.local import processes

MISSING = "missing: sudo apt-get install webkit2gtk-driver gir1.2-webkit2-4.1 python3-gi xvfb"
PYTHON = "/usr/bin/python3"  # Debian's, which has PyGObject
PROGRAM = Path(__file__).parent / "webkit_window.py"
MANIFEST = "Unrecognized Content-Security-Policy directive 'manifest-src'"  # WebKitGTK is built without manifests
COMPLAINT = re.compile(r".*CONSOLE (?:\w+ )*(?:ERROR|WARN)\b|ENDED|.*CRITICAL")


def is_installed() -> bool:
    module = [PYTHON, "-c", "import gi; gi.require_version('WebKit2', '4.1')"]
    programs = all(shutil.which(each) for each in ("WebKitWebDriver", "Xvfb"))
    return programs and subprocess.run(module, check=False, capture_output=True).returncode == 0


@contextmanager
def display() -> Iterator[str]:
    """A screen that nobody looks at, until the end of the block; its name for DISPLAY."""
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1600x1200x24", "-nolisten", "tcp"]
    process = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    try:
        with open(read) as told:
            yield f":{told.readline().strip()}"
    finally:
        process.terminate()
        process.wait()


class WebKitWindow(Window):
    """A window on this display. `script` runs before those of the page, which do not run with `scripts=False`."""

    faults = (WebDriverException,)

    def __init__(
        self,
        website: Website,
        size: tuple[int, int],
        folder: Path,
        *,
        display: str,
        script: str = "",
        scripts: bool = True,
        language: str = "en-GB",
    ) -> None:
        super().__init__(website)
        self._log = folder / "log"
        options = Options()
        options.page_load_strategy = "none"  # see `open`
        options.binary_location = PYTHON
        flags = {"width": size[0], "height": size[1], "folder": folder, "language": language, "has-scripts": scripts}
        flags["script"] = timeshift.page_script() + script
        options.add_argument(str(PROGRAM))
        for name, value in flags.items():
            options.add_argument(f"--{name}={value}")
        environ = {"DISPLAY": display, "NO_AT_BRIDGE": "1", "WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1"}
        port = databases.free_port()
        with self._log.open("wb") as log:
            command = ["WebKitWebDriver", f"--port={port}"]
            self._process = processes.start(command, environ=os.environ | environ, output=log)
        wait_until(lambda: databases.listens(port))
        connection = RemoteConnection(client_config=ClientConfig(f"http://127.0.0.1:{port}", timeout=int(WAIT_SECONDS)))
        self.driver = WebDriver(connection, options=options)

    def open(self, url: str) -> None:
        """The driver's own waits for a page to load are off: now and then one lasts 300 s, though the page is there."""
        self.run("window.isLeft = true")
        self.driver.get(url)
        self.comes_true("!window.isLeft && document.readyState === 'complete'")

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def click(self, left: int, top: int) -> None:
        actions = ActionBuilder(self.driver, duration=0)
        actions.pointer_action.move_to_location(left, top).pointer_down().pointer_up()
        actions.perform()

    def type(self, text: str) -> None:
        ActionChains(self.driver, duration=0).send_keys(text).perform()

    def set_cookie(self, name: str, value: str) -> None:
        self.goto("/login")
        self.driver.add_cookie({"name": name, "value": value, "path": "/"})

    def complaints(self) -> list[str]:
        return [line for line in self._lines() if COMPLAINT.match(line) and MANIFEST not in line]

    def _lines(self) -> list[str]:
        return self._log.read_text(errors="replace").splitlines()

    def close(self) -> None:
        processes.stop(self._process, 0)  # the window, too, which is of its group
