"""Metrics: labelled by URL rule, never by path, and aggregated over processes."""

import http.client
import json
import os
import re
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from pymongo.database import Database

from config import Config
from tests.conftest import MakeApp
from tests.support import ROOT, databases, settings
from tests.support.cast import WAIT_SECONDS, Person, wait_until
from tests.support.gunicorn import Gunicorn
from waitercaller import jobs, metrics
from waitercaller.db import clock
from waitercaller.live import watcher
from waitercaller.mail import outbox
from waitercaller.model.requests import transitions as requests
from waitercaller.model.restaurants import Actor
from waitercaller.model.tables import Table
from waitercaller.web import limits


def values(text: str) -> dict[str, float]:
    """`{'name{label="value"}': 1.0}`, the parsed metrics."""
    samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
            samples[sample.name + (f"{{{labels}}}" if labels else "")] = sample.value
    return samples


@pytest.fixture
def counted(client: FlaskClient) -> Callable[..., float]:
    """`counted('waitercaller_calls_total{step="called"}')`: its increase since the start of the test."""
    before = values(client.get("/metrics").text)
    return lambda name: values(client.get("/metrics").text).get(name, 0.0) - before.get(name, 0.0)


# --- who may look -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "127.8.9.10", ""])
def test_figures_are_for_this_machine(client: FlaskClient, address: str) -> None:
    answer = client.get("/metrics", environ_base={"REMOTE_ADDR": address})
    assert answer.status_code == 200
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"


@pytest.mark.parametrize("address", ["192.0.2.1", "10.0.0.3", "::ffff:192.0.2.1", "2001:db8::1", "nobody"])
def test_and_for_nobody_else(client: FlaskClient, address: str) -> None:
    assert client.get("/metrics", environ_base={"REMOTE_ADDR": address}).status_code == 404


@pytest.mark.parametrize(("visitor", "status"), [("192.0.2.1", 404), ("127.0.0.1, 192.0.2.1", 404), ("127.0.0.1", 200)])
def test_behind_a_proxy_who_asks_is_whom_the_proxy_names(
    make_app: MakeApp, config: Config, visitor: str, status: int
) -> None:
    client = make_app(replace(config, proxy_count=1)).test_client()
    answer = client.get("/metrics", headers={"X-Forwarded-For": visitor}, environ_base={"REMOTE_ADDR": ""})
    assert answer.status_code == status


def test_nor_for_visitors_of_a_proxy_on_this_machine_that_is_not_trusted(client: FlaskClient) -> None:
    answer = client.get("/metrics", headers={"X-Forwarded-For": "192.0.2.1"}, environ_base={"REMOTE_ADDR": "127.0.0.1"})
    assert answer.status_code == 404


# --- what is counted --------------------------------------------------------------------------------------------------


def test_answers_are_counted_by_rule_and_never_by_path(
    client: FlaskClient, table: Table, counted: Callable[..., float]
) -> None:
    client.get(f"/t/{table['code']}")
    client.get("/nowhere/at-all")
    client.open("/nowhere", method="SECRET")
    client.post("/healthz")
    route = 'route="/t/<code:code>"'
    assert counted(f'waitercaller_http_requests_total{{method="GET",{route},status="200"}}') == 1
    assert counted(f"waitercaller_http_seconds_count{{{route}}}") == 1
    assert 0 < counted(f"waitercaller_http_seconds_sum{{{route}}}") < 20
    assert counted('waitercaller_http_requests_total{method="-",route="-",status="404"}') == 2
    text = client.get("/metrics").text
    for secret in (table["code"], "nowhere", "SECRET"):
        assert secret not in text


def test_faults_are_counted_as_what_visitors_get(app: Flask, counted: Callable[..., float]) -> None:
    app.extensions["hub"].close()
    app.test_client().get("/readyz")
    assert counted('waitercaller_http_requests_total{method="GET",route="/readyz",status="503"}') == 1


def test_every_step_of_a_call_is_counted_once(
    app: Flask, alice: Person, table: Table, counted: Callable[..., float], later: Callable[..., None]
) -> None:
    anna, bob = Actor(id="anna", name="Anna"), Actor(id="bob", name="Bob")
    with app.app_context():
        restaurant = app.extensions["mongo"].database.restaurants.find_one({"_id": alice.restaurant_id})
        kind = restaurant["kinds"][0]
        call = requests.open_request(restaurant, table, kind, "a key")
        requests.open_request(restaurant, table, kind, "a key")  # the same tap, sent again
        requests.open_request(restaurant, table, kind, "another key")
        later(seconds=50)
        assert len(requests.accept(alice.restaurant_id, [call["_id"]], anna)) == 1
        assert len(requests.accept(alice.restaurant_id, [call["_id"]], bob)) == 0
        assert len(requests.accept(alice.restaurant_id, [call["_id"]], bob, taken_from="anna")) == 1
        requests.resolve(alice.restaurant_id, [call["_id"]], bob)
        requests.reopen({"restaurant_id": alice.restaurant_id}, [call["_id"]], bob)
        requests.withdraw({"restaurant_id": alice.restaurant_id, "table_id": table["_id"]})
    steps = ("called", "reminded", "accepted", "resolved", "reopened", "withdrawn", "cancelled")
    found = [counted(f'waitercaller_calls_total{{step="{step}"}}') for step in steps]
    assert found == [1, 1, 2, 1, 1, 1, 0]
    assert counted("waitercaller_time_to_accept_seconds_count") == 1, "taking over is no second acceptance"
    assert 50 <= counted("waitercaller_time_to_accept_seconds_sum") < 60
    assert counted('waitercaller_time_to_accept_seconds_bucket{le="40.0"}') == 0
    assert counted('waitercaller_time_to_accept_seconds_bucket{le="60.0"}') == 1


def test_live_calls_and_owed_mails_are_asked_of_the_database(
    app: Flask, client: FlaskClient, database: Database[Any], later: Callable[..., None]
) -> None:
    outbox.enqueue("account_deleted", "dana@example.org", closed=[])
    later(minutes=5)
    outbox.enqueue("account_deleted", "erin@example.org", closed=[])
    figures = values(client.get("/metrics").text)
    assert figures["waitercaller_database_up"] == 1
    assert figures['waitercaller_outbox_mails{state="due"}'] == 2
    assert figures['waitercaller_outbox_mails{state="failed"}'] == 0
    assert 300 <= figures["waitercaller_outbox_oldest_seconds"] < 320
    assert figures['waitercaller_calls_live{state="waiting"}'] == 0


def test_phones_that_get_no_messages_are_counted(client: FlaskClient, database: Database[Any], bob: Person) -> None:
    name = "waitercaller_failing_phones"
    assert values(client.get("/metrics").text)[name] == 0
    phone: Any = {"_id": "a", "restaurant_id": bob.restaurant_id, "member_id": bob.member_id, "login_id": "x"}
    subscription = {**phone, "choice": "all", "endpoint": "https://push.example.org/a", "created_at": clock.now()}
    database.subscriptions.insert_one({**subscription, "failed_at": clock.now()})
    assert values(client.get("/metrics").text)[name] == 1


def test_a_mail_that_is_refused_by_itself_counts_until_others_go_out(
    client: FlaskClient, database: Database[Any], later: Callable[..., None]
) -> None:
    outbox.enqueue("account_deleted", "dana@example.org", closed=[])
    database.outbox.update_one({}, {"$set": {"refused": True}})  # her mailbox is full, or the server refuses everybody
    later(minutes=5)
    assert values(client.get("/metrics").text)["waitercaller_outbox_oldest_seconds"] >= 300
    outbox.enqueue("account_deleted", "erin@example.org", closed=[])
    sent = {"state": "sent", "purge_at": clock.now() + outbox.RETENTION["sent"]}
    database.outbox.update_one({"to": "erin@example.org"}, {"$set": sent})
    assert values(client.get("/metrics").text)["waitercaller_outbox_oldest_seconds"] == 0


def test_figures_of_the_process_are_there_while_the_database_is_away(
    own_server: databases.Server, frail_app: Flask
) -> None:
    own_server.kill()
    answer = frail_app.test_client().get("/metrics")
    assert answer.status_code == 200
    figures = values(answer.text)
    assert figures["waitercaller_database_up"] == 0
    assert "waitercaller_outbox_oldest_seconds" not in figures
    assert "waitercaller_listening" in figures


def test_open_pages_and_deafness_are_seen(app: Flask, client: FlaskClient) -> None:
    hub = app.extensions["hub"]
    kept = [
        hub.subscribe("restaurant:1", "login:1"),
        hub.subscribe("guests:1", "table:1", "table:2"),
        hub.subscribe("guests:1", "table:3"),
    ]
    figures = values(client.get("/metrics").text)
    assert figures['waitercaller_open_streams{who="staff"}'] == 1
    assert figures['waitercaller_open_streams{who="guest"}'] == 2
    assert figures["waitercaller_listening"] == 1
    for each in kept:
        each.close()
    hub.listening = False
    figures = values(client.get("/metrics").text)
    assert figures['waitercaller_open_streams{who="guest"}'] == 0
    assert figures["waitercaller_listening"] == 0


def test_limits_that_are_reached_are_counted(app: Flask, fresh_limits: None, counted: Callable[..., float]) -> None:
    with app.test_request_context():
        for _ in range(20):
            limits.check("guest_phone", "a phone")
        with pytest.raises(limits.LimitReached):
            limits.check("guest_phone", "a phone")
    assert counted('waitercaller_limits_reached_total{limit="guest_phone"}') == 1


def test_faults_in_the_background_and_restarts_of_the_watcher_are_counted(
    app: Flask, counted: Callable[..., float], monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds = iter([True, True, True, False, False, False, False])

    def fail(*_: object) -> None:
        raise KeyError

    monkeypatch.setattr(jobs, "_sleep", lambda *_: None)
    monkeypatch.setattr(watcher, "REOPEN_DELAY_SECONDS", 0)
    monkeypatch.setattr(watcher, "_watch", fail)
    thread = threading.Thread(target=jobs._repeat, args=(app, lambda: next(rounds), 0, fail), name="a test")
    thread.start()
    thread.join()
    assert counted('waitercaller_background_faults_total{work="a test"}') == 3
    rounds = iter([True, True, True, True, False, False])
    watcher.run(app, lambda: next(rounds))
    assert counted("waitercaller_watcher_restarts_total") == 2


# --- over processes ---------------------------------------------------------------------------------------------------


def get(gunicorn: Gunicorn, path: str, patience: float = WAIT_SECONDS) -> http.client.HTTPResponse:
    """An HTTP request on a new connection, which any worker may serve."""
    connection = http.client.HTTPConnection("127.0.0.1", gunicorn.port, timeout=patience)
    connection.request("GET", path, headers={"Connection": "close"})
    return connection.getresponse()


def figures(gunicorn: Gunicorn) -> dict[str, float]:
    return values(get(gunicorn, "/metrics").read().decode())


def is_listening(gunicorn: Gunicorn) -> bool:
    try:
        return len(gunicorn.workers) == 2 and figures(gunicorn).get("waitercaller_listening") == 1
    except OSError:
        return False


@pytest.fixture
def gunicorn(app: Flask, config: Config, tmp_path: Path) -> Iterator[Gunicorn]:
    """Two workers of production, on the database of `app`."""
    (tmp_path / "draining").touch()  # of the time before this start
    environ = settings.environ(
        config.mongodb_uri,
        "http://127.0.0.1",
        tmp_path / "mail",
        DRAIN_FILE=str(tmp_path / "draining"),
        TMPDIR=str(tmp_path),
    )
    gunicorn = Gunicorn(f"127.0.0.1:{databases.free_port()}", environ, tmp_path / "gunicorn.log")
    try:
        gunicorn.start(lambda: is_listening(gunicorn))
        yield gunicorn
    finally:
        gunicorn.stop()


def test_two_workers_are_added_up_whichever_is_asked_and_the_dead_are_not_counted_as_open(
    gunicorn: Gunicorn, app: Flask, table: Table, tmp_path: Path
) -> None:
    for _ in range(40):
        get(gunicorn, "/healthz").read()
    name = 'waitercaller_http_requests_total{method="GET",route="/healthz",status="200"}'
    assert {figures(gunicorn)[name] for _ in range(8)} == {40.0}
    counted_by = {path.stem.rpartition("_")[2] for path in tmp_path.glob("waitercaller-metrics-*/counter_*.db")}
    assert counted_by == {str(pid) for pid in gunicorn.workers}, "both have answered something"

    streams = [get(gunicorn, f"/t/{table['code']}/live", patience=1) for _ in range(6)]
    assert {stream.status for stream in streams} == {200}
    wait_until(lambda: figures(gunicorn)['waitercaller_open_streams{who="guest"}'] == 6)
    victim = gunicorn.workers[0]
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: victim not in gunicorn.workers and is_listening(gunicorn))
    assert figures(gunicorn)[name] == 40, "what it has counted is not lost"
    ended = sum(1 for stream in streams if is_over(stream))
    wait_until(lambda: figures(gunicorn)['waitercaller_open_streams{who="guest"}'] == 6 - ended)

    gunicorn.stop()
    assert list(tmp_path.glob("waitercaller-metrics-*")) == []


def is_over(stream: http.client.HTTPResponse) -> bool:
    """Whether the process that sent this response has ended."""
    try:
        while stream.read1(65536):
            pass
    except TimeoutError:
        return False
    except (OSError, http.client.HTTPException):
        return True
    return True


def test_a_drained_machine_fails_readiness_until_it_is_started_again(gunicorn: Gunicorn, tmp_path: Path) -> None:
    assert get(gunicorn, "/readyz").status == 200, "a start forgets the file"
    (tmp_path / "draining").touch()
    assert {get(gunicorn, "/readyz").status for _ in range(6)} == {503}
    assert get(gunicorn, "/").status == 200


# --- what reads them --------------------------------------------------------------------------------------------------


@pytest.fixture
def known(client: FlaskClient) -> dict[str, set[str]]:
    """The names of the metrics, each with its labels."""
    parts = {"counter": ["_total"], "gauge": [""], "histogram": ["_bucket", "_sum", "_count"]}
    collectors = metrics.REGISTRY._collector_to_names
    labels = {name: set(getattr(each, "_labelnames", ())) for each, names in collectors.items() for name in names}
    found = {"up": {"job"}}
    for family in text_string_to_metric_families(client.get("/metrics").text):
        shown = {label for sample in family.samples for label in sample.labels}
        for part in parts[family.type]:
            found[family.name + part] = {"instance", "le"} | shown | labels.get(family.name, set())
    return found


def check(expression: str, known: dict[str, set[str]]) -> None:
    """Every metric in these queries exists and has the labels used."""
    names = re.findall(r"\b(?:waitercaller_\w+|up)\b", expression)
    assert names, expression
    assert set(names) <= set(known), expression
    for name, conditions in re.findall(r"\b(waitercaller_\w+)\{([^}]*)\}", expression):
        assert set(re.findall(r"(\w+)=", conditions)) <= known[name], expression
    asked = {label.strip() for group in re.findall(r"by \(([^)]*)\)", expression) for label in group.split(",")}
    assert asked <= set().union(*(known[name] for name in names)), expression


def test_the_alerts_ask_for_what_there_is_and_say_what_to_do(known: dict[str, set[str]]) -> None:
    groups = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yml").read_text())["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules) > 8
    for rule in rules:
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in ("page", "mail")
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["action"]
        check(rule["expr"], known)
    named = set(re.findall(r'limit=~"([^"]*)"', str(rules)).pop().split("|"))
    assert named <= set(limits.LIMITS)


def test_the_dashboard_asks_for_what_there_is(known: dict[str, set[str]]) -> None:
    dashboard = json.loads((ROOT / "deploy" / "grafana" / "waitercaller.json").read_text())
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels) > 10
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels]
    assert len(set(places)) == len(places)
    for panel in panels:
        assert panel["title"]
        for target in panel["targets"]:
            check(target["expr"], known)


def test_the_manual_names_no_figure_that_there_is_not(known: dict[str, set[str]]) -> None:
    manual = (ROOT / "docs" / "operations.md").read_text()
    families = {name.removesuffix("_bucket") for name in known}
    assert set(re.findall(r"\bwaitercaller_\w+", manual)) - {"waitercaller_restored"} <= set(known) | families
