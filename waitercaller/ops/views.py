"""Endpoints for monitoring: health, readiness, Prometheus metrics."""

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
    """Liveness of this process."""
    return Response('{"status":"alive"}\n', mimetype="application/json")


@blueprint.get("/readyz")
@access.anyone
def readyz() -> ResponseReturnValue:
    """Readiness for traffic. PyMongo errors become 503 as on every page."""
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
    """Prometheus metrics, for clients on this machine; 404 for others."""
    if not _is_local_client():
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
    """Whether this process is stopping, or the operator drains this machine (DRAIN_FILE)."""
    drain_file = config().drain_file
    return hub.closed or bool(drain_file and Path(drain_file).exists())


def _is_local_client() -> bool:
    """Whether the client, and each address in X-Forwarded-For, is on loopback or a unix socket.

    Whoever comes by a proxy on this machine is not, also where the proxy is none of the trusted ones.
    """
    addresses = [request.remote_addr or "127.0.0.1", *request.access_route]
    try:
        return all(ipaddress.ip_address(each or "127.0.0.1").is_loopback for each in addresses)
    except ValueError:
        return False
