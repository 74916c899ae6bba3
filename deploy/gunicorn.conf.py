"""gunicorn's settings, in production and in the local run: `gunicorn --config deploy/gunicorn.conf.py wsgi:app`.

Values that differ between installations come from the environment (WEB_CONCURRENCY: number of workers) or from the
command line, which overrides this file (--bind, --umask, --workers).
"""

import contextlib
import logging
import os
import shutil
import tempfile
import time

from gunicorn.workers.ggevent import GeventWorker


class Worker(GeventWorker):
    """gunicorn's, but it serves everybody whom it has accepted before it was told to stop.

    gunicorn's own asks the listener for its name when it begins with a connection. A worker that stops has closed it
    by then, and the visitor would get no answer (https://github.com/benoitc/gunicorn/issues/1877).
    """

    def run(self):
        self.listeners = {listener: Listener(listener.getsockname()) for listener in self.sockets}
        super().run()

    def handle(self, listener, client, addr):
        super().handle(self.listeners[listener], client, addr)


class Listener:
    """What is asked of a listener when a connection has been accepted."""

    def __init__(self, name):
        self.name = name

    def getsockname(self):
        return self.name


# An open event stream is one greenlet of a gevent worker, so a few processes hold thousands.
worker_class = Worker
workers = int(os.environ.get("WEB_CONCURRENCY") or 0) or max(2, len(os.sched_getaffinity(0)))
worker_connections = 4000  # per worker; needs as many open files (LimitNOFILE)

timeout = 30  # seconds without a heartbeat of the worker (not of a request: event streams live longer)
graceful_timeout = 10  # seconds for requests in flight; jobs.py ends event streams at once
keepalive = 3  # seconds; longer than a proxy keeps idle connections, which might otherwise send into a closing one
BODY_SECONDS = 30.0  # for all of a request's body, of at most 64 KiB; a head has the seconds of `keepalive`

limit_request_line = 4094  # bytes
limit_request_fields = 60
limit_request_field_size = 8190

# Paths contain table codes and tokens, so gunicorn logs no requests; the application logs them by route.
accesslog = None
errorlog = "-"

control_socket_disable = True  # by default all installations of a user share one
forwarded_allow_ips = ""  # forwarding headers are evaluated in the application only: PROXY_COUNT


def on_starting(server):
    """In the master, before the first worker."""
    server.log.error_log.addFilter(_without_request_data)
    # The workers' shared metrics, so that any of them can answer /metrics for all.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="waitercaller-metrics-")
    # A restart ends draining; see DRAIN_FILE.
    if drain_file := os.environ.get("DRAIN_FILE"):
        with contextlib.suppress(OSError):
            os.unlink(drain_file)


def post_worker_init(worker):
    """In each new worker, after the application is loaded."""
    from waitercaller import jobs  # not at the top: the master must not import code that a reload replaces

    jobs.start(worker.wsgi, lambda: worker.alive)


def pre_request(worker, req):
    """Before each request: its body is waited for BODY_SECONDS at most, however slowly it comes; then 400."""
    from gevent import Timeout  # not at the top: the master reads this file before gevent patches a worker

    read, ends = req.body.reader.read, time.monotonic() + BODY_SECONDS

    def read_in_time(size):
        with Timeout(max(0.0, ends - time.monotonic()), TimeoutError("the body did not come")):
            return read(size)

    req.body.reader.read = read_in_time


def child_exit(server, worker):
    """In the master, when a worker has ended: keep its counters, drop its gauges."""
    from prometheus_client import multiprocess  # not at the top: it reads PROMETHEUS_MULTIPROC_DIR when imported

    multiprocess.mark_process_dead(worker.pid)


def on_exit(server):
    """When the master ends."""
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)


def _without_request_data(record: logging.LogRecord) -> bool:
    """Remove paths and headers from gunicorn's messages about invalid requests; keep the client's address."""
    message = str(record.msg)
    if message.startswith("Invalid request from "):
        record.msg = message.partition(": ")[0]
    elif message.startswith("Error handling request "):
        record.msg, record.args = "Error handling request", ()
    return True
