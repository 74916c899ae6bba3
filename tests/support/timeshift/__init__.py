"""The clock of a test run: with `TEST_NOW=2026-12-31T23:58` all of it happens then, and time goes on from there.

Every Python process of the run reads the moved clock: the tests, gunicorn, the database stand-in, the local run. They
take their distance to the real clock from TEST_CLOCK_OFFSET, through `sitecustomize` in this folder, which Python
imports by itself when it starts; the product knows nothing of it. Browsers get a script into each page.
Without TEST_NOW nothing is moved. What is not Python (Apache, certbot, a server at TEST_MONGODB_URI) keeps real time.
"""

import os
from datetime import UTC, datetime
from pathlib import Path

import time_machine

OFFSET = "TEST_CLOCK_OFFSET"  # in the environment; seconds that the clock is ahead of the real one

# Timers go on as they are. A service worker gets no such script; ours asks for no time.
PAGE_SCRIPT = """(() => {
  const Real = Date, real = Real.now;
  Real.now = () => real() + %d;
  globalThis.Date = new Proxy(Real, {
    apply: () => new Real(Real.now()).toString(),
    construct: (target, given, made) => Reflect.construct(target, given.length ? given : [Real.now()], made),
  });
  Real.prototype.constructor = globalThis.Date;
})();"""


def begin() -> None:
    """Move the clock of this process, and of all that it starts, to TEST_NOW: ISO 8601, UTC if it names no offset."""
    wanted = os.environ.get("TEST_NOW")
    if not wanted or OFFSET in os.environ:  # already moved by sitecustomize: a worker of pytest-xdist
        return
    moment = datetime.fromisoformat(wanted)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    os.environ[OFFSET] = str((moment - datetime.now(UTC)).total_seconds())
    folder = str(Path(__file__).parent)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (folder, os.environ.get("PYTHONPATH"))))
    time_machine.travel(moment, tick=True).start()


def page_script() -> str:
    """What a browser is to run before each page, so that its Date is of this run; empty without TEST_NOW."""
    offset = float(os.environ.get(OFFSET, 0))
    return PAGE_SCRIPT % round(offset * 1000) if offset else ""
