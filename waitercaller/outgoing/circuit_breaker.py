"""A circuit breaker for each service.

A batch of messages takes as long as its slowest conversation, so a service that times out again and again would delay
the messages of all others. After several timeouts in a row its circuit is open: it is not asked for a while. Then it is
asked again, and one more timeout opens the circuit at once. Each process finds out by itself.
"""

from datetime import datetime, timedelta

from waitercaller.db import clock

MOST_SERVICES = 1000  # remembered at a time: hosts come from browsers and owners

Service = tuple[str, int]  # host and port


class CircuitBreaker:
    """Counts the timeouts in a row of each service; other errors cost no time, so they do not count."""

    def __init__(self, timeouts: int, open_for: timedelta) -> None:
        self._limit = timeouts
        self._open_for = open_for
        self._timeouts: dict[Service, tuple[int, datetime]] = {}  # how many in a row, and when the circuit closes

    def open_until(self, service: Service) -> datetime | None:
        """When the service may be asked again; None when it may be asked now."""
        timeouts, until = self._timeouts.get(service, (0, clock.now()))
        return until if timeouts >= self._limit and until > clock.now() else None

    def note_timeout(self, service: Service) -> None:
        """The service has not answered in time."""
        if len(self._timeouts) >= MOST_SERVICES:
            self._timeouts.clear()
        timeouts, _ = self._timeouts.get(service, (0, None))
        self._timeouts[service] = (timeouts + 1, clock.now() + self._open_for)

    def note_answer(self, service: Service) -> None:
        """The service has answered, whatever it said."""
        self._timeouts.pop(service, None)
