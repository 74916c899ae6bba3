"""The background work of a worker process, started by gunicorn's `post_worker_init` and stopped with the worker.

Every process runs the same work; what must happen once is claimed in the database, so it matters neither how many
processes there are nor when one dies.
"""

import logging
import threading
import time
from collections.abc import Callable

from flask import Flask

from waitercaller import metrics
from waitercaller.alerts import due_steps, unheard_restaurants
from waitercaller.db import clock
from waitercaller.db.client import db
from waitercaller.db.faults import is_away
from waitercaller.live import streams, watcher
from waitercaller.mail import outbox
from waitercaller.model import erasure, pauses, presence
from waitercaller.model.rollups import store as rollups
from waitercaller.ops import figures
from waitercaller.push import sender

log = logging.getLogger(__name__)

MAIL_INTERVAL = 1.0  # seconds
PUSH_INTERVAL = 0.5
ESCALATION_INTERVAL = 1.0
UNHEARD_INTERVAL = 10.0
PAUSES_INTERVAL = 5.0
CLOCK_INTERVAL = 60.0
ERASURE_INTERVAL = 30.0
ROLLUP_INTERVAL = 60.0
METRICS_INTERVAL = 2.0
STOP_INTERVAL = 0.2


def start(app: Flask, is_alive: Callable[[], bool]) -> None:
    """Begin the background work of this process. `is_alive` turns false when the worker is to stop."""
    for name, work in (
        ("watch", lambda: watcher.run(app, is_alive)),
        ("mail", lambda: _repeat(app, is_alive, MAIL_INTERVAL, lambda: outbox.send_due(app))),
        ("push", lambda: _repeat(app, is_alive, PUSH_INTERVAL, lambda: sender.send_due(app))),
        ("clock", lambda: _repeat(app, is_alive, CLOCK_INTERVAL, lambda: clock.synchronise(db()))),
        ("escalation", lambda: _repeat(app, is_alive, ESCALATION_INTERVAL, due_steps.escalate)),
        ("unwatched", lambda: _repeat(app, is_alive, UNHEARD_INTERVAL, unheard_restaurants.check)),
        ("pauses", lambda: _repeat(app, is_alive, PAUSES_INTERVAL, pauses.end_due)),
        ("erasure", lambda: _repeat(app, is_alive, ERASURE_INTERVAL, erasure.work_off)),
        ("rollups", lambda: _repeat(app, is_alive, ROLLUP_INTERVAL, rollups.work_off)),
        ("presence", lambda: _repeat(app, is_alive, presence.BEAT_SECONDS, presence.beat)),
        ("metrics", lambda: _repeat(app, is_alive, METRICS_INTERVAL, lambda: figures.sample(streams.hub(app)))),
        ("stop", lambda: _close_streams_at_the_end(app, is_alive)),
    ):
        threading.Thread(target=work, name=name, daemon=True).start()


def _repeat(app: Flask, is_alive: Callable[[], bool], interval: float, work: Callable[[], object]) -> None:
    while is_alive():
        try:
            with app.app_context():
                work()
        except Exception as error:  # the next round must come all the same
            if is_away(error):
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
    """A graceful stop would wait for open streams up to its timeout, and they would never end by themselves."""
    hub = streams.hub(app)
    while is_alive():
        time.sleep(STOP_INTERVAL)
    hub.close()
