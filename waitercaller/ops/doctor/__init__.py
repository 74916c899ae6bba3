"""The doctor: checks configuration, machine, database, network and mail, with advice for each problem."""

from collections.abc import Iterator

from flask import Flask

from waitercaller.db.config import config
from waitercaller.ops.doctor import database, machine, network, push
from waitercaller.ops.doctor.finding import Check, Finding, bad

__all__ = ["CHECKS", "Finding", "examine"]

# Ordered by dependency.
CHECKS: tuple[Check, ...] = (
    machine.settings,
    machine.disk,
    machine.erasure_log,
    database.answers,
    database.backups,
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
    push.services,
)


def examine(app: Flask) -> Iterator[Finding]:
    """Run all checks in order. An exception in a check becomes a finding."""
    with app.app_context():
        for check in CHECKS:
            try:
                yield from check(config(app))
            except Exception as error:  # noqa: BLE001 (the other checks must still run)
                yield bad(f"{check.__name__}: {type(error).__name__}: {error}", "This is a fault of the doctor.")
