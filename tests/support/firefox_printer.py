"""Firefox as it prints to PDF, which Playwright cannot do: driven by its own protocol, Marionette.

Marionette is what geckodriver speaks to Firefox: JSON with its length in front, over TCP.
"""

import json
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from tests.support import databases
from tests.support.cast import WAIT_SECONDS, wait_until
from tests.support.paper import Paper

MISSING = "missing: sudo apt-get install firefox-esr"

# What the dialog of Firefox would do: arguments are the file, and width, height and margin of the paper in inches.
FIREFOX_PRINT = """
const [file, width, height, margin, done] = arguments;
const service = Cc["@mozilla.org/gfx/printsettings-service;1"].getService(Ci.nsIPrintSettingsService);
const settings = service.createNewPrintSettings();
Object.assign(settings, {
  isInitializedFromPrinter: true, isInitializedFromPrefs: true, printSilent: true,
  outputDestination: Ci.nsIPrintSettings.kOutputDestinationFile, toFileName: file,
  outputFormat: Ci.nsIPrintSettings.kOutputFormatPDF,
  paperSizeUnit: Ci.nsIPrintSettings.kPaperSizeInches, paperWidth: width, paperHeight: height,
  usePageRuleSizeAsPaperSize: false, honorPageRuleMargins: false, shrinkToFit: true,
});
for (const side of ["Top", "Bottom", "Left", "Right"]) {
  settings[`unwriteableMargin${side}`] = settings[`margin${side}`] = margin;
}
for (const at of ["Left", "Center", "Right"]) settings[`headerStr${at}`] = settings[`footerStr${at}`] = "";
gBrowser.selectedBrowser.browsingContext.print(settings).then(() => done("printed"), (fault) => done(String(fault)));
"""


class Firefox:
    """One window of Firefox."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), WAIT_SECONDS)
        self._stream = self._socket.makefile("rb")
        self._number = 0
        self._read()  # its greeting
        self.ask("WebDriver:NewSession", capabilities={})

    def ask(self, command: str, **parameters: Any) -> Any:
        """Send a WebDriver command; returns its value. Raises RuntimeError if Firefox refuses it."""
        self._number += 1
        message = json.dumps([0, self._number, command, parameters]).encode()
        self._socket.sendall(b"%d:%b" % (len(message), message))
        _kind, _number, fault, value = self._read()
        if fault:
            raise RuntimeError(f"{command}: {fault}")
        return value.get("value") if isinstance(value, dict) else value

    def goto(self, url: str, **cookies: str) -> None:
        """Open the page, with these cookies."""
        self.ask("WebDriver:Navigate", url=url)
        for name, value in cookies.items():
            self.ask("WebDriver:AddCookie", cookie={"name": name, "value": value, "path": "/"})
        if cookies:
            self.ask("WebDriver:Navigate", url=url)

    def print(self, file: Path, paper: Paper) -> None:
        """Print the page as its dialog would with this paper chosen."""
        self.ask("Marionette:SetContext", value="chrome")
        inches = [each / 25.4 for each in (paper.width, paper.height, paper.margin)]
        said = self.ask(
            "WebDriver:ExecuteAsyncScript", script=FIREFOX_PRINT, args=[str(file), *inches], newSandbox=True
        )
        assert said == "printed", said
        self.ask("Marionette:SetContext", value="content")

    def close(self) -> None:
        self._stream.close()
        self._socket.close()

    def _read(self) -> Any:
        length = b""
        while (digit := self._stream.read(1)) != b":":
            assert digit, "Firefox has closed the connection"
            length += digit
        return json.loads(self._stream.read(int(length)))


@contextmanager
def firefox() -> Iterator[Firefox]:
    """Firefox with a new profile, until the end of the block."""
    port = databases.free_port()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:  # its children may still write
        preferences = {
            "marionette.port": str(port),
            "print.save_as_pdf.use_page_rule_size_as_paper_size.enabled": "false",
        }
        lines = (f'user_pref("{name}", {value});\n' for name, value in preferences.items())
        Path(profile, "user.js").write_text("".join(lines))
        flags = ["--headless", "--marionette", "--remote-allow-system-access", "--no-remote", "--profile", profile]
        process = subprocess.Popen(
            [_firefox() or "firefox", *flags], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            wait_until(lambda: databases.listens(port))
            with closing(Firefox(port)) as window:
                yield window
        finally:
            process.terminate()
            process.wait(WAIT_SECONDS)


def is_installed() -> bool:
    return _firefox() is not None


def _firefox() -> str | None:
    return shutil.which("firefox-esr") or shutil.which("firefox")
