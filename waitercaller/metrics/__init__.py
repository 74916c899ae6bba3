"""What is counted, for Prometheus. Rooms count here; ops shows it.

Labels are few and fixed: routes (rules, never paths), states, names of limits. A restaurant or a table is never one.
gunicorn's configuration sets PROMETHEUS_MULTIPROC_DIR, so that the processes of a machine are added up; without it
these are the figures of this process.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry()

# A page takes milliseconds; after two seconds it says that the database is away.
_PAGE_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5)
# On the staff's screens a call turns amber after 40 seconds and red after 80, where the restaurant says nothing else.
_WAITING_SECONDS = (5, 10, 20, 40, 60, 90, 120, 180, 240, 360, 600, 1800)

HTTP_REQUESTS = Counter(
    "waitercaller_http_requests_total", "Answers given.", ["route", "method", "status"], registry=REGISTRY
)
HTTP_SECONDS = Histogram(
    "waitercaller_http_seconds",
    "Time until an answer begins; of a stream, until it is open.",
    ["route"],
    buckets=_PAGE_SECONDS,
    registry=REGISTRY,
)
OPEN_STREAMS = Gauge(
    "waitercaller_open_streams",
    "Pages that are open and live: of staff, of guests.",
    ["who"],
    registry=REGISTRY,
    multiprocess_mode="livesum",
)
LISTENING = Gauge(
    "waitercaller_listening",
    "Whether every process hears changes of the database.",
    registry=REGISTRY,
    multiprocess_mode="livemin",
)
CALLS = Counter("waitercaller_calls_total", "Steps that calls have taken.", ["step"], registry=REGISTRY)
ESCALATIONS = Counter(
    "waitercaller_escalations_total",
    "Steps of calls to which nobody goes: nagged, raised to all zones, managers alerted.",
    ["step"],
    registry=REGISTRY,
)
UNWATCHED = Counter(
    "waitercaller_unwatched_total",
    "How often owners were told that nobody hears the calls of their open restaurant.",
    registry=REGISTRY,
)
TIME_TO_ACCEPT = Histogram(
    "waitercaller_time_to_accept_seconds",
    "From the guest's tap until somebody says they are going, the first time.",
    buckets=_WAITING_SECONDS,
    registry=REGISTRY,
)
WATCHER_RESTARTS = Counter(
    "waitercaller_watcher_restarts_total", "How often changes were not heard for a moment.", registry=REGISTRY
)
PUSHES = Counter(
    "waitercaller_pushes_total",
    "What became of push messages, at each attempt: sent, dropped, failed, or due again.",
    ["result"],
    registry=REGISTRY,
)
LIMITS_REACHED = Counter("waitercaller_limits_reached_total", "Tries that were refused.", ["limit"], registry=REGISTRY)
BACKGROUND_FAULTS = Counter(
    "waitercaller_background_faults_total", "Faults of the work in the background.", ["work"], registry=REGISTRY
)


def answered(route: str, method: str, status: int, seconds: float) -> None:
    """Count an answer; `route` is the rule that matched."""
    HTTP_REQUESTS.labels(route, method, str(status)).inc()
    HTTP_SECONDS.labels(route).observe(seconds)


def stepped(step: str, number: int = 1) -> None:
    """Count that so many calls took this step: called, reminded, accepted, resolved, …

    A step within a transaction that MongoDB makes the driver repeat is counted again: that is rare, and no bill.
    """
    if number:
        CALLS.labels(step).inc(number)


def escalated(step: str) -> None:
    """Count that a call to which nobody goes took this step."""
    ESCALATIONS.labels(step).inc()


def accepted(calls: Iterable[Mapping[str, Any]]) -> None:
    """Count how long these have waited, which were accepted just now; who only takes one over changes nothing."""
    for call in calls:
        acceptances = [step["at"] for step in call["steps"] if step["what"] == "accepted"]
        if len(acceptances) == 1:
            TIME_TO_ACCEPT.observe(max(0.0, (acceptances[0] - call["first_at"]).total_seconds()))
