"""Prometheus metrics. Any folder may count here; `ops` exposes them.

Labels have few, fixed values: routes (rules, not paths), states, names of limits; never restaurants or tables.
gunicorn's configuration sets PROMETHEUS_MULTIPROC_DIR, so that the figures of all processes of a machine are
aggregated; without it these are the figures of this process.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry()

# Pages take milliseconds; after two seconds they answer 503.
_PAGE_BUCKETS_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5)
# The default escalation steps are at 40, 80 and 120 seconds.
_WAITING_BUCKETS_SECONDS = (5, 10, 20, 40, 60, 90, 120, 180, 240, 360, 600, 1800)

HTTP_REQUESTS = Counter(
    "waitercaller_http_requests_total", "Answers given.", ["route", "method", "status"], registry=REGISTRY
)
HTTP_SECONDS = Histogram(
    "waitercaller_http_seconds",
    "Time until an answer begins; of a stream, until it is open.",
    ["route"],
    buckets=_PAGE_BUCKETS_SECONDS,
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
UNHEARD_ALERTS = Counter(
    "waitercaller_unwatched_total",
    "How often owners were told that nobody hears the calls of their open restaurant.",
    registry=REGISTRY,
)
TIME_TO_ACCEPT = Histogram(
    "waitercaller_time_to_accept_seconds",
    "From the guest's tap until somebody says they are going, the first time.",
    buckets=_WAITING_BUCKETS_SECONDS,
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
HOOKS = Counter(
    "waitercaller_hooks_total",
    "What became of messages to webhooks, at each attempt: sent, dropped, failed, or due again.",
    ["result"],
    registry=REGISTRY,
)
LIMITS_REACHED = Counter("waitercaller_limits_reached_total", "Tries that were refused.", ["limit"], registry=REGISTRY)
BACKGROUND_FAULTS = Counter(
    "waitercaller_background_faults_total", "Faults of the work in the background.", ["work"], registry=REGISTRY
)


def answered(route: str, method: str, status: int, seconds: float) -> None:
    """Count an HTTP response; `route` is the rule that matched."""
    HTTP_REQUESTS.labels(route, method, str(status)).inc()
    HTTP_SECONDS.labels(route).observe(seconds)


def stepped(step: str, number: int = 1) -> None:
    """Count requests that took this step: called, reminded, accepted, resolved, …

    A step in a transaction that is retried is counted again, which is rare.
    """
    if number:
        CALLS.labels(step).inc(number)


def escalated(step: str) -> None:
    """Count an escalation step."""
    ESCALATIONS.labels(step).inc()


def accepted(calls: Iterable[Mapping[str, Any]]) -> None:
    """Observe the waiting time of requests that were just accepted, at their first acceptance only."""
    for call in calls:
        acceptances = [step["at"] for step in call["steps"] if step["what"] == "accepted"]
        if len(acceptances) == 1:
            TIME_TO_ACCEPT.observe(max(0.0, (acceptances[0] - call["first_at"]).total_seconds()))
