"""A process that only runs the escalation, until it is killed: `python -m tests.support.stepper SECONDS [WHERE]`.

Its clock is SECONDS ahead. With WHERE it kills itself at that point of its first step.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from pymongo.errors import PyMongoError

from config import Config
from waitercaller import create_app, metrics
from waitercaller.alerts import due_steps, mails, messages
from waitercaller.db import clock
from waitercaller.model.requests import escalation


def die(*_: Any, **__: Any) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


WHERE: dict[str, tuple[Any, str, Callable[..., Any]]] = {
    "before anything is enqueued": (messages, "enqueue", die),
    "with the messages enqueued, before the mails": (mails, "about_waiting", die),
    "with all enqueued, before the step": (escalation, "advance", die),
    "with the step taken, before it is counted": (metrics, "escalated", die),
}


def main(seconds: str, where: str = "") -> None:
    app = create_app(Config.from_env(os.environ))
    clock._offset = timedelta(seconds=float(seconds))
    if where:
        setattr(*WHERE[where])
    print("ready", flush=True)
    while True:
        with app.app_context():
            try:
                due_steps.escalate()
            except PyMongoError as error:  # as in jobs.py: retried in the next round
                print(type(error).__name__, flush=True)
        time.sleep(0.005)


if __name__ == "__main__":
    main(*sys.argv[1:])
