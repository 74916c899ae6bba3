"""Alive, ready, and the figures: pages for machines."""

import ipaddress
from pathlib import Path

from flask import Response, abort, jsonify, request
from flask.typing import ResponseReturnValue
from prometheus_client import CollectorRegistry, generate_latest, multiprocess
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from waitercaller import metrics
from waitercaller.db import schema
from waitercaller.db.client import db
from waitercaller.db.config import config
from waitercaller.live import streams
from waitercaller.live.hub import Hub
from waitercaller.ops import blueprint, figures
from waitercaller.ops.figures import DatabaseFigures
from waitercaller.web import access


@blueprint.get("/healthz")
@access.anyone
def healthz() -> ResponseReturnValue:
    """This process is alive."""
    return jsonify(status="alive")


@blueprint.get("/readyz")
@access.anyone
def readyz() -> ResponseReturnValue:
    """Visitors may be sent to this machine. PyMongo's errors become the 503 of every page."""
    hub = streams.hub()
    if _is_draining(hub):
        return jsonify(status="draining"), 503
    if missing := schema.missing_indexes(db()):
        return jsonify(status="not ready", missing_indexes=missing), 503
    if not hub.listening:
        return jsonify(status="not ready", reason="changes of the database are not heard (yet)"), 503
    return jsonify(status="ready")


@blueprint.get("/metrics")
@access.anyone
def show_metrics() -> ResponseReturnValue:
    """The figures, for a Prometheus on this machine; to others there is no such page."""
    if not _asked_from_here():
        abort(404)
    registry = CollectorRegistry()
    try:
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    except ValueError:  # no PROMETHEUS_MULTIPROC_DIR: one process
        figures.sample(streams.hub())
        registry.register(metrics.REGISTRY)
    registry.register(DatabaseFigures(db()))
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_PLAIN_0_0_4)


def _is_draining(hub: Hub) -> bool:
    """Whether this process is about to stop, or its operator has said that the machine is (see DRAIN_FILE)."""
    drain_file = config().drain_file
    return hub.closed or bool(drain_file and Path(drain_file).exists())


def _asked_from_here() -> bool:
    """Through loopback or a unix socket, and by nobody whom a proxy names: behind one, that is who is looked at."""
    try:
        return ipaddress.ip_address(request.remote_addr or "127.0.0.1").is_loopback
    except ValueError:
        return False
