"""Longer timeouts of the database, which answers late on a busy machine: for tests of something else."""

from waitercaller.live import watcher
from waitercaller.model import audit_trail, counters, presence

SECONDS = 10.0  # for one operation


def begin() -> None:
    """Lengthen the timeouts that this process does not get from its client."""
    audit_trail.TIMEOUT_SECONDS = SECONDS
    counters.TIMEOUT_SECONDS = SECONDS
    presence.WRITE_SECONDS = SECONDS
    watcher.LATE_SECONDS = SECONDS
