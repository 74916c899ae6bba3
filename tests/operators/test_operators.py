"""Operators: who may open the page of diagnostics, what it shows, and what can be tried there."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask

from tests.ops.test_user_commands import connect
from tests.support.cast import Mail, Person, device
from tests.support.push.phones import PRIVATE
from tests.web.test_walk import routes
from waitercaller.db import clock
from waitercaller.db.client import db
from waitercaller.mail import outbox
from waitercaller.model import audit_trail, subscriptions, upkeep
from waitercaller.ops import versions
from waitercaller.ops.doctor import database
from waitercaller.ops.doctor.finding import Finding, bad, good
from waitercaller.web import access

PAGE = "/operator"
Run = Callable[..., str]


@pytest.fixture
def run(app: Flask) -> Run:
    """`run("add", address)`: what `flask operators` prints."""
    return lambda *words: app.test_cli_runner().invoke(args=["operators", *words]).output


@pytest.fixture
def operator(app: Flask, bob: Person, run: Run) -> Person:
    """Bob, a waiter, who is an operator and has a second factor."""
    connect(app, bob)
    run("add", bob.email)
    return bob


# --- who may open it --------------------------------------------------------------------------------------------------


def test_the_role_is_given_and_taken_on_the_command_line_and_counts_at_once(
    app: Flask, alice: Person, bob: Person, run: Run
) -> None:
    assert run("list") == "Nobody is an operator.\n"
    connect(app, bob)
    assert "menu" in run("add", f" {bob.email.title()} ")
    assert "already" in run("add", bob.email)
    assert run("list") == f"{bob.email}  since {clock.now():%Y-%m-%d}\n"
    assert bob.client.get(PAGE).status_code == 200
    assert "/operator" in bob.client.get("/account").text
    assert "no operator any more" in run("remove", bob.email)
    assert "They are no operator" in run("remove", bob.email)
    assert bob.client.get(PAGE).status_code == 404
    assert "/operator" not in bob.client.get("/account").text
    assert "Nobody has this address" in run("add", "nobody@example.org")
    with app.app_context():
        events = [event["event"] for event in audit_trail.of_person(bob.user_id)]
    assert events == ["operator_removed", "operator_added"]


def test_no_role_in_a_restaurant_opens_it_and_an_operator_has_no_right_in_a_restaurant(
    app: Flask, alice: Person, charlie: Person, operator: Person
) -> None:
    connect(app, alice)
    theirs = {rule.endpoint: rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("operators.")}
    assert {getattr(app.view_functions[each], "access", None) for each in theirs} == {"operator"}
    for endpoint, rule in theirs.items():
        method = "POST" if endpoint in routes(app, "POST") else "GET"
        for browser, status in ((alice.client, 404), (charlie.client, 404), (device(app, alice), 403)):
            page = f"{alice.home}/dashboard" if status == 403 else "/account"
            form = {"csrf_token": browser.csrf_token(page)} if method == "POST" else {}
            assert browser.open(rule.rule, method=method, data=form).status_code == status, endpoint
        if method == "POST":
            assert operator.client.post(rule.rule).status_code == 400, "without its token"
    assert operator.client.get(f"{charlie.home}/dashboard").status_code == 404
    assert operator.client.get(f"{alice.home}/staff").status_code == 403


def test_without_a_second_factor_it_does_not_open(app: Flask, alice: Person, run: Run) -> None:
    assert "two-factor" in run("add", alice.email)
    for answer in (alice.client.get(PAGE), alice.client.submit(f"{PAGE}/mail", page="/account")):
        assert (answer.status_code, answer.location) == (303, "/account/two-factor")
    assert "Operators need two-factor login" in alice.client.get("/account/two-factor").text
    with app.app_context():
        assert list(db().outbox.find()) == []


def test_a_route_of_theirs_declares_itself_and_no_other_does(app: Flask) -> None:
    app.add_url_rule("/operator/more", "more", access.person(lambda: ""))
    with pytest.raises(RuntimeError, match="/operator/more must start"):
        access.check_routes(app)


# --- what it shows ----------------------------------------------------------------------------------------------------


def test_it_shows_versions_backups_and_what_was_not_taken_without_addresses(app: Flask, operator: Person) -> None:
    assert operator.client.get(PAGE).text.count("none is known") == 2
    with app.app_context():
        upkeep.note("backup", "waitercaller-20261126T041000Z.bson.gz", 3)
        upkeep.note("drill", "waitercaller-20261120T041000Z.bson.gz", 41)
        for name in ("confirm", "reset"):
            outbox.enqueue(name, "somebody@example.org", occasion=name)
        db().outbox.update_one({"_id": "reset"}, {"$set": {"state": "failed", "attempts": 12}})
        shown = operator.client.get(PAGE).text
        assert f"<dd>{versions.of_application()}</dd>" in shown
    assert "waitercaller-20261126T041000Z.bson.gz" in shown
    assert "took 41 seconds" in shown
    assert "<code>reset</code>" in shown
    assert "tried 12 times" in shown
    assert "given up" in shown
    assert "confirm" not in shown, "it was not tried yet"
    assert "somebody@" not in shown


def test_the_examination_shows_the_findings_with_advice(operator: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    def examined(_app: Flask) -> list[Finding]:
        return [good("All indexes are there."), bad("The disk is <full>.", "Make room.")]

    monkeypatch.setattr("waitercaller.ops.doctor.examine", examined)
    shown = operator.client.submit(f"{PAGE}/examine", page=PAGE).text
    assert "All indexes are there." in shown
    assert "BAD: </span>The disk is &lt;full&gt;." in shown
    assert "Make room." in shown
    assert shown.index("The disk is") < shown.index("All indexes"), "the worst first"


# --- what can be tried ------------------------------------------------------------------------------------------------


def test_a_test_mail_goes_through_the_outbox_to_the_operator(operator: Person, mails: Callable[[], list[Mail]]) -> None:
    answer = operator.client.submit(f"{PAGE}/mail", page=PAGE, follow_redirects=True)
    assert f"A mail to {operator.email} is on its way." in answer.text
    (mail,) = mails()
    assert (mail.to, mail.path) == (operator.email, PAGE)
    assert "test mail" in mail.subject


@pytest.mark.needs_wire
def test_a_test_message_goes_to_all_phones_of_the_operator(
    app: Flask, bob: Person, charlie: Person, operator: Person
) -> None:
    assert "VAPID_PRIVATE_KEY is empty" in operator.client.get(PAGE).text
    app.extensions["config"] = replace(app.extensions["config"], vapid_private_key=PRIVATE)
    assert "subscribe a phone of yours" in operator.client.get(PAGE).text
    answer = operator.client.submit(f"{PAGE}/push", page=PAGE, follow_redirects=True)
    assert "None of your phones" in answer.text
    with app.app_context():
        for person in (bob, charlie):
            phone = subscriptions.Browser(
                endpoint=f"https://push.test/{person.name}", p256dh="…", auth="…", key="…", browser="…", language="en"
            )
            subscriptions.put(person.restaurant_id, person.member_id, "a login", phone, "none")
        answer = operator.client.submit(f"{PAGE}/push", page=PAGE, follow_redirects=True)
        assert "A message to 1 phone is on its way." in answer.text
        (push,) = db().pushes.find()
        assert (push["event"], push["restaurant_id"]) == ("tried", bob.restaurant_id)


def test_the_doctor_tells_of_backups(app: Flask, later: Callable[..., None]) -> None:
    def states() -> list[str]:
        with app.app_context():
            return [finding.state for finding in database.backups(app.extensions["config"])]

    assert states() == ["note", "note"]
    assert app.test_cli_runner().invoke(args=["note-upkeep", "backup", "/b/one.bson.gz", "3"]).exit_code == 0
    assert app.test_cli_runner().invoke(args=["note-upkeep", "drill", "/b/one.bson.gz", "41"]).exit_code == 0
    with app.app_context():
        assert upkeep.noted()["backup"]["file"] == "one.bson.gz"
    assert states() == ["good", "good"]
    later(days=3)
    assert states() == ["BAD", "good"]
    later(days=121)
    assert states() == ["BAD", "note"]
