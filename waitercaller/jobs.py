"""Background threads of a worker process, started by gunicorn's `post_worker_init` and stopped with the worker.

Every process runs all of them. Work that must happen once is claimed by a conditional update in the database, so the
number of processes does not matter, and a process may die at any time.
"""

import logging
import threading
import time
from collections.abc import Callable

from flask import Flask

from waitercaller import metrics
from waitercaller.alerts import due_steps, roll_call, uncovered, unheard_restaurants
from waitercaller.db import clock
from waitercaller.db.client import db, in_background, patiently
from waitercaller.db.faults import is_transient
from waitercaller.hooks import sender as hooks
from waitercaller.live import streams, watcher
from waitercaller.mail import outbox
from waitercaller.model import erasure, pauses, presence
from waitercaller.model.rollups import store as rollups
from waitercaller.ops import figures
from waitercaller.push import sender
from waitercaller.report import letter
from waitercaller.web import errors

log = logging.getLogger(__name__)

MAIL_INTERVAL_SECONDS = 1.0
PUSH_INTERVAL_SECONDS = 0.5
HOOKS_INTERVAL_SECONDS = 1.0
ESCALATION_INTERVAL_SECONDS = 1.0
ENDED_LOGINS_INTERVAL_SECONDS = 2.0
UNHEARD_INTERVAL_SECONDS = 10.0
ROLL_CALL_INTERVAL_SECONDS = 60.0
PAUSES_INTERVAL_SECONDS = 5.0
CLOCK_INTERVAL_SECONDS = 60.0
ERASURE_INTERVAL_SECONDS = 30.0
ROLLUP_INTERVAL_SECONDS = 60.0
LETTER_INTERVAL_SECONDS = 300.0
METRICS_INTERVAL_SECONDS = 2.0
STOP_INTERVAL_SECONDS = 0.2
LISTEN_SECONDS = 1.0  # that a new worker waits for the change stream before it takes requests


def start(app: Flask, is_alive: Callable[[], bool]) -> None:
    """Start the background threads of this process; they end when `is_alive()` returns False.

    Returns when it receives changes, since streams are refused before, and after LISTEN_SECONDS without a database.
    """
    _draw_an_error_page(app)
    for name, work in (
        ("watch", lambda: watcher.run(app, is_alive)),
        ("mail", lambda: _repeat(app, is_alive, MAIL_INTERVAL_SECONDS, lambda: outbox.send_due(app))),
        ("push", lambda: _repeat(app, is_alive, PUSH_INTERVAL_SECONDS, lambda: sender.send_due(app))),
        ("hooks", lambda: _repeat(app, is_alive, HOOKS_INTERVAL_SECONDS, lambda: hooks.send_due(app))),
        ("clock", lambda: _repeat(app, is_alive, CLOCK_INTERVAL_SECONDS, lambda: clock.synchronise(db()))),
        ("escalation", lambda: _repeat(app, is_alive, ESCALATION_INTERVAL_SECONDS, due_steps.escalate)),
        ("ended logins", lambda: _repeat(app, is_alive, ENDED_LOGINS_INTERVAL_SECONDS, uncovered.check_ended_logins)),
        ("unheard", lambda: _repeat(app, is_alive, UNHEARD_INTERVAL_SECONDS, unheard_restaurants.check)),
        ("roll call", lambda: _repeat(app, is_alive, ROLL_CALL_INTERVAL_SECONDS, roll_call.check)),
        ("pauses", lambda: _repeat(app, is_alive, PAUSES_INTERVAL_SECONDS, pauses.end_due)),
        ("erasure", lambda: _repeat(app, is_alive, ERASURE_INTERVAL_SECONDS, _erase)),
        ("rollups", lambda: _repeat(app, is_alive, ROLLUP_INTERVAL_SECONDS, rollups.process_due)),
        ("letters", lambda: _repeat(app, is_alive, LETTER_INTERVAL_SECONDS, letter.enqueue_due)),
        ("presence", lambda: _repeat(app, is_alive, presence.BEAT_SECONDS, presence.beat)),
        ("metrics", lambda: _repeat(app, is_alive, METRICS_INTERVAL_SECONDS, lambda: figures.sample(streams.hub(app)))),
        ("stop", lambda: _close_streams_at_the_end(app, is_alive)),
    ):
        threading.Thread(target=_run, args=(work,), name=name, daemon=True).start()
    _listen(app)


def _run(work: Callable[[], None]) -> None:
    with in_background():
        work()


def _listen(app: Flask) -> None:
    hub, until = streams.hub(app), time.monotonic() + LISTEN_SECONDS
    while not hub.listening and time.monotonic() < until:
        time.sleep(0.02)


def _draw_an_error_page(app: Flask) -> None:
    """Compiles its template: the first answer without a database is due within two seconds, as all later ones."""
    with app.test_request_context():
        errors.error_page(503)


def _erase() -> None:
    """Carry out due erasures: updates of any number of documents."""
    with patiently():
        erasure.process_due()


def _repeat(app: Flask, is_alive: Callable[[], bool], interval: float, work: Callable[[], object]) -> None:
    while is_alive():
        try:
            with app.app_context():
                work()
        except Exception as error:  # a fault must not end the loop
            if is_transient(error):
                log.warning("the database did not answer the background work: %s", type(error).__name__)
            else:
                metrics.BACKGROUND_FAULTS.labels(threading.current_thread().name).inc()
                log.exception("fault in the background work")
        _sleep(interval, is_alive)


def _sleep(seconds: float, is_alive: Callable[[], bool]) -> None:
    until = time.monotonic() + seconds
    while is_alive() and (left := until - time.monotonic()) > 0:
        time.sleep(min(left, 1.0))


def _close_streams_at_the_end(app: Flask, is_alive: Callable[[], bool]) -> None:
    """End all streams when the worker stops; otherwise a graceful stop waits for them until its timeout."""
    hub = streams.hub(app)
    while is_alive():
        time.sleep(STOP_INTERVAL_SECONDS)
    hub.close()
