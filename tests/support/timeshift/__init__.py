"""Shifts the clock of a test run: with `TEST_NOW=2026-12-31T23:58` it starts at that time and goes on from there.

Every Python process of the run uses the shifted clock: the tests, gunicorn, the embedded database, the local run. They
read the offset from TEST_CLOCK_OFFSET in `sitecustomize` in this folder, which Python imports at its start; the
application has no code for it. Browsers get a script injected into each page. Without TEST_NOW nothing is shifted.
Programs that are not Python (Apache, certbot, a server at TEST_MONGODB_URI) keep the real time.
"""

import os
from datetime import UTC, datetime
from pathlib import Path

import time_machine

OFFSET = "TEST_CLOCK_OFFSET"  # environment variable: seconds that the clock is ahead of the real one

# Timers are not affected. The script is not injected into service workers; ours does not use the time.
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
    """Shift the clock of this process and its children to TEST_NOW: ISO 8601, UTC if without an offset."""
    wanted = os.environ.get("TEST_NOW")
    if not wanted or OFFSET in os.environ:  # already shifted by sitecustomize: a worker of pytest-xdist
        return
    moment = datetime.fromisoformat(wanted)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    os.environ[OFFSET] = str((moment - datetime.now(UTC)).total_seconds())
    folder = str(Path(__file__).parent)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (folder, os.environ.get("PYTHONPATH"))))
    time_machine.travel(moment, tick=True).start()


def page_script() -> str:
    """The script that shifts a page's Date; empty without TEST_NOW."""
    offset = float(os.environ.get(OFFSET, 0))
    return PAGE_SCRIPT % round(offset * 1000) if offset else ""
