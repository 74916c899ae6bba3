"""gunicorn's settings, in production and in the local run: `gunicorn --config deploy/gunicorn.conf.py wsgi:app`.

What differs between installations comes from the environment: WEB_CONCURRENCY (processes), or from the command line,
which wins over this file: --bind, --umask, --workers.
"""

import contextlib
import logging
import os
import shutil
import tempfile

# An open screen is one greenlet of a gevent worker, so a handful of processes holds thousands of screens.
worker_class = "gevent"
workers = int(os.environ.get("WEB_CONCURRENCY") or 0) or max(2, len(os.sched_getaffinity(0)))
worker_connections = 4000  # a worker; needs as many open files (LimitNOFILE)

timeout = 30  # seconds without a sign of life of a worker, not of a request: event streams live longer
graceful_timeout = 10  # seconds for requests in flight; jobs ends the event streams at once
keepalive = 3  # seconds; longer than a proxy keeps an idle connection, or it would send into a closing one

limit_request_line = 4094  # bytes
limit_request_fields = 60
limit_request_field_size = 8190

# Paths carry table codes and tokens: gunicorn logs no requests, the application does, by route.
accesslog = None
errorlog = "-"

control_socket_disable = True  # by default all installations of a user would share one
forwarded_allow_ips = ""  # what a proxy says is trusted in one place only: PROXY_COUNT


def on_starting(server):
    """Before the first worker."""
    server.log.error_log.addFilter(_without_what_was_sent)
    # Where the workers count, so that whichever is asked for /metrics adds up all of them.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="waitercaller-metrics-")
    # Whoever starts this machine again wants it to serve; see DRAIN_FILE.
    if drain_file := os.environ.get("DRAIN_FILE"):
        with contextlib.suppress(OSError):
            os.unlink(drain_file)


def post_worker_init(worker):
    """In each new worker process, when the application is loaded."""
    from waitercaller import jobs  # not above: the master must not hold code that a reload is to renew

    jobs.start(worker.wsgi, lambda: worker.alive)


def child_exit(server, worker):
    """In the master, when a worker has ended: what it counted stays, its open screens do not."""
    from prometheus_client import multiprocess  # not above: it looks at once where to count

    multiprocess.mark_process_dead(worker.pid)


def on_exit(server):
    """At the end of the master."""
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)


def _without_what_was_sent(record: logging.LogRecord) -> bool:
    """gunicorn's messages about faulty requests quote their path or their headers; keep only who sent them."""
    message = str(record.msg)
    if message.startswith("Invalid request from "):
        record.msg = message.partition(": ")[0]
    elif message.startswith("Error handling request "):
        record.msg, record.args = "Error handling request", ()
    return True
