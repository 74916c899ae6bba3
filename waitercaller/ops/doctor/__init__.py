"""The doctor: looks at all that Waiter Caller needs around it, and says what to do about what is not right."""

from collections.abc import Iterator

from flask import Flask

from waitercaller.db.config import config
from waitercaller.ops.doctor import database, machine, network
from waitercaller.ops.doctor.finding import Check, Finding, bad

__all__ = ["CHECKS", "Finding", "examine"]

# In the order in which one thing needs another.
CHECKS: tuple[Check, ...] = (
    machine.settings,
    machine.disk,
    database.answers,
    database.version,
    database.replica_set,
    database.indexes,
    database.majority,
    database.changes,
    database.rights,
    database.retryable_writes,
    database.oplog,
    database.clocks,
    network.name,
    network.certificate,
    network.mail,
)


def examine(app: Flask) -> Iterator[Finding]:
    """Look at everything, one after the other. A check that itself fails is a finding, too."""
    with app.app_context():
        for check in CHECKS:
            try:
                yield from check(config(app))
            except Exception as error:  # noqa: BLE001 (the other checks still say what they find)
                yield bad(f"{check.__name__}: {type(error).__name__}: {error}", "This is a fault of the doctor.")
