"""Prometheus metrics queried from the database at each scrape; equal on all machines."""

from collections.abc import Iterator
from typing import Any

import pymongo
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from pymongo import ASCENDING, DESCENDING
from pymongo.database import Database
from pymongo.errors import PyMongoError

from waitercaller import metrics
from waitercaller.db import clock
from waitercaller.db.client import Filter
from waitercaller.live.hub import Hub
from waitercaller.mail import outbox
from waitercaller.model import subscriptions
from waitercaller.model.service_request import NOT_REHEARSED

TIMEOUT_SECONDS = 1.0  # of all queries; scrape_timeout of Prometheus is 10 s


def sample(hub: Hub) -> None:
    """Set the gauges of open streams and of the change stream."""
    metrics.OPEN_STREAMS.labels("staff").set(hub.open_streams("restaurant:"))
    metrics.OPEN_STREAMS.labels("guest").set(hub.open_streams("guests:"))
    metrics.LISTENING.set(hub.listening)


class DatabaseFigures(Collector):
    """Metrics of live and overdue requests and of the outbox. If the database is unavailable: only that it is down."""

    def __init__(self, database: Database[dict[str, Any]]) -> None:
        self.database = database

    def collect(self) -> Iterator[Metric]:
        figures: list[Metric] = []
        try:
            with pymongo.timeout(TIMEOUT_SECONDS):
                figures = [
                    self._live_calls(),
                    self._overdue_steps(),
                    self._unheard(),
                    self._failing_phones(),
                    *self._outbox(),
                ]
        except PyMongoError:
            figures = []
        answers = GaugeMetricFamily("waitercaller_database_up", "Whether the database answers.")
        answers.add_metric([], float(bool(figures)))
        yield answers
        yield from figures

    def _live_calls(self) -> Metric:
        counts = self._count("requests", {"live": True, **NOT_REHEARSED})
        figure = GaugeMetricFamily("waitercaller_calls_live", "Calls that are not over.", labels=["state"])
        for state in ("waiting", "accepted"):
            figure.add_metric([state], counts.get(state, 0))
        return figure

    def _overdue_steps(self) -> Metric:
        figure = GaugeMetricFamily(
            "waitercaller_escalation_overdue_seconds", "How long a step that is due has not been taken."
        )
        now = clock.now()
        due = {"live": True, "due_at": {"$lte": now}, **NOT_REHEARSED}
        oldest = self.database.requests.find_one(due, ["due_at"], sort=[("due_at", ASCENDING)])
        figure.add_metric([], (now - oldest["due_at"]).total_seconds() if oldest else 0.0)
        return figure

    def _unheard(self) -> Metric:
        figure = GaugeMetricFamily(
            "waitercaller_unheard_restaurants", "Open restaurants whose owners were told that nobody hears their calls."
        )
        figure.add_metric([], self.database.alerts.count_documents({"told_at": {"$ne": None}}))
        return figure

    def _failing_phones(self) -> Metric:
        figure = GaugeMetricFamily(
            "waitercaller_failing_phones", "Phones whose push service has not taken the latest message."
        )
        figure.add_metric([], self.database.subscriptions.count_documents(subscriptions.is_failing()))
        return figure

    def _outbox(self) -> Iterator[Metric]:
        counts = self._count("outbox", {"state": {"$in": ["due", "failed"]}})
        mails = GaugeMetricFamily("waitercaller_outbox_mails", "Mails that are due, and given up.", labels=["state"])
        for state in ("due", "failed"):
            mails.add_metric([state], counts.get(state, 0))
        yield mails
        age = GaugeMetricFamily("waitercaller_outbox_oldest_seconds", "How long the oldest mail has been owed.")
        oldest = self._oldest_due()
        age.add_metric([], max(0.0, (clock.now() - oldest["created_at"]).total_seconds()) if oldest else 0.0)
        yield age

    def _oldest_due(self) -> dict[str, Any] | None:
        """The oldest due mail. One that the server refused counts only until a later mail is sent."""
        due: dict[str, Any] = {"state": "due"}
        if sent := self.database.outbox.find_one({"state": "sent"}, ["purge_at"], sort=[("purge_at", DESCENDING)]):
            newer = {"created_at": {"$gt": sent["purge_at"] - outbox.RETENTION["sent"]}}
            due["$or"] = [{"refused": {"$ne": True}}, newer]
        return self.database.outbox.find_one(due, ["created_at"], sort=[("created_at", ASCENDING)])

    def _count(self, collection: str, which: Filter) -> dict[str, int]:
        """Number of documents by state."""
        group = {"_id": "$state", "count": {"$sum": 1}}
        found = self.database[collection].aggregate([{"$match": which}, {"$group": group}])
        return {each["_id"]: each["count"] for each in found}
