"""The notifications page (subscribe, choose, test), the web app manifest and the service worker's script."""

import json
import re
import struct
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support import ROOT
from tests.support.cast import Person, device
from tests.support.push.phones import Subscribe, push_states, send
from tests.support.push.service import PushService
from waitercaller.model import restaurants, subscriptions
from waitercaller.push import encryption
from waitercaller.web import limits


def page(person: Person) -> str:
    return person.client.get(f"{person.home}/notifications").text


def register(person: Person, form: dict[str, str], **values: str) -> TestResponse:
    """Post what the page's script sends."""
    address = f"{person.home}/notifications"
    return person.client.submit(address, {**form, "choice": "all", **values})


def choices(app: Flask, person: Person) -> list[str]:
    with app.app_context():
        return [each["choice"] for each in subscriptions.of_member(person.restaurant_id, person.member_id)]


def names(app: Flask, person: Person) -> list[str]:
    with app.app_context():
        found = subscriptions.of_member(person.restaurant_id, person.member_id)
    return [each["_id"].partition(":")[2] for each in found]


# --- subscribing ------------------------------------------------------------------------------------------------------


def test_a_phone_that_subscribes_by_its_page_is_told(app: Flask, service: PushService, bob: Person, tell: Any) -> None:
    answer = register(bob, service.phone("Bob").form)
    assert (answer.status_code, answer.json) == (200, {"choice": "all"})
    tell()
    send(app)
    assert service.texts("Bob") == [("Table 7: Bill", "Called at #")]


def test_the_phone_of_a_member_without_an_account_is_told_too(
    app: Flask, service: PushService, bob: Person, tell: Any
) -> None:
    phone = device(app, bob, "Bob", bob.member_id)
    address = f"{bob.home}/notifications"
    assert phone.submit(address, {**service.phone("Bob").form, "choice": "escalated"}).status_code == 200
    assert phone.get(address).status_code == 200
    tell("alerted")
    send(app)
    assert len(service.messages) == 1


@pytest.mark.asvs("1.3.6")
@pytest.mark.parametrize(
    "bad",
    [
        {"endpoint": "https://evil.example/send"},
        {"endpoint": "http://localhost/"},
        {"endpoint": "https://127.0.0.1/"},
        {"endpoint": ""},
        {"p256dh": "A" * 87},
        {"p256dh": ""},
        {"auth": "short"},
        {"choice": "everything"},
        {"choice": ""},
    ],
)
def test_what_no_browser_would_send_is_refused(
    app: Flask, service: PushService, bob: Person, bad: dict[str, str]
) -> None:
    answer = register(bob, service.phone("Bob").form, **bad)
    assert answer.status_code == 400
    assert answer.json
    assert answer.json["message"]
    assert choices(app, bob) == []


def test_without_a_token_nobody_subscribes(app: Flask, service: PushService, bob: Person) -> None:
    data = {**service.phone("Bob").form, "choice": "all"}
    assert bob.client.post(f"{bob.home}/notifications", data=data).status_code == 400
    assert choices(app, bob) == []


def test_after_a_new_login_what_was_chosen_stands(app: Flask, service: PushService, bob: Person) -> None:
    form = service.phone("Bob").form
    register(bob, form, choice="all")
    (name,) = names(app, bob)
    bob.client.submit(f"{bob.home}/notifications/{name}/choice", {"choice": "none"}, page=f"{bob.home}/notifications")
    assert register(bob, form, choice="all", renewed="yes").json == {"choice": "none"}
    assert register(bob, form, choice="escalated").json == {"choice": "escalated"}


# --- choosing ---------------------------------------------------------------------------------------------------------


def test_each_device_is_told_what_was_chosen_for_it(
    app: Flask, service: PushService, bob: Person, subscribe: Subscribe, tell: Any
) -> None:
    subscribe(bob)
    subscribe(bob, "escalated", name="tablet")
    first, second = names(app, bob)
    home = f"{bob.home}/notifications"
    for name, choice in ((first, "none"), (second, "all")):
        answer = bob.client.submit(f"{home}/{name}/choice", {"choice": choice}, page=home)
        assert (answer.status_code, answer.location) == (303, home)
    assert choices(app, bob) == ["none", "all"]
    tell()
    send(app)
    assert [message.path for message in service.messages] == ["/tablet"]


def test_a_device_of_somebody_else_is_not_found(
    app: Flask, bob: Person, alice: Person, charlie: Person, subscribe: Subscribe
) -> None:
    subscribe(alice)
    (name,) = names(app, alice)
    for person in (bob, charlie):
        home = f"{person.home}/notifications"
        for act in ("choice", "try"):
            answer = person.client.submit(f"{home}/{name}/{act}", {"choice": "none"}, page=home)
            assert answer.status_code == 404
    assert choices(app, alice) == ["all"]


def test_a_message_can_be_tried_out_but_not_without_end(
    fresh_limits: None, app: Flask, bob: Person, subscribe: Subscribe
) -> None:
    subscribe(bob)
    (name,) = names(app, bob)
    home = f"{bob.home}/notifications"
    token = bob.client.csrf_token(home)
    tries = limits.LIMITS["push_try"].allowances[0].tries
    answers = [bob.client.post(f"{home}/{name}/try", data={"csrf_token": token}) for _ in range(tries + 1)]
    assert [answer.status_code for answer in answers] == [303] * tries + [429]
    assert len(push_states(app)) == tries


def test_a_message_that_is_tried_out_says_what_it_is(
    app: Flask, service: PushService, bob: Person, subscribe: Subscribe
) -> None:
    subscribe(bob)
    home = f"{bob.home}/notifications"
    bob.client.submit(f"{home}/{names(app, bob)[0]}/try", page=home)
    send(app)
    assert service.texts("Bob")[0] == ("Trattoria Lucia", "This is how calls reach this phone.")


def test_a_phone_that_is_told_nothing_any_more_is_told_so_on_the_pages(
    app: Flask, service: PushService, alice: Person, bob: Person, subscribe: Subscribe, tell: Any
) -> None:
    subscribe(bob)
    words = "gets none now: its push service does not take ours"
    assert words not in page(bob)
    assert "1 phone is told at once" in alice.client.get(f"{alice.home}/staff/hearing").text
    service.answers["/Bob"] = [403]
    tell()
    send(app)
    assert words in page(bob)
    assert re.search(r'<details class="[^"]*notify-device"[^>]* data-fails>', page(bob))  # for the device's own place
    hearing = alice.client.get(f"{alice.home}/staff/hearing").text
    assert words in hearing
    assert "0 phones are told at once" in hearing


def test_a_member_chooses_zones_of_the_restaurant_and_no_others(app: Flask, bob: Person, alice: Person) -> None:
    with app.app_context():
        terrace, hall = (restaurants.ensure_zone(alice.restaurant_id, name) for name in ("Terrace", "Hall"))
    home = f"{bob.home}/notifications"
    assert bob.client.submit(f"{home}/zones", {"zones": [terrace]}, page=home).status_code == 303
    assert re.search(rf'value="{terrace}" checked', page(bob))
    assert not re.search(rf'value="{hall}" checked', page(bob))
    assert bob.client.submit(f"{home}/zones", {"zones": ["elsewhere"]}, page=home).status_code == 400
    assert bob.client.submit(f"{home}/zones", {}, page=home).status_code == 303
    assert "checked" not in page(bob).partition('name="zones"')[2]


def test_without_a_key_nothing_is_offered(app: Flask, bob: Person, service: PushService) -> None:
    app.extensions["config"] = replace(app.extensions["config"], vapid_private_key="")
    assert "Not available here" in page(bob)
    assert "/notifications" not in bob.client.get(f"{bob.home}/dashboard").text
    assert register(bob, service.phone("Bob").form).status_code == 404


def test_an_operator_can_make_a_key(app: Flask) -> None:
    made = [app.test_cli_runner().invoke(args=["vapid-key"]).output.strip() for _ in range(2)]
    assert made[0] != made[1]
    assert all(len(encryption.public_key(key)) == 87 for key in made)


# --- the app ----------------------------------------------------------------------------------------------------------


def test_the_manifest_describes_an_app_that_opens_the_calls(app: Flask, bob: Person, client: FlaskClient) -> None:
    link = re.search(r'<link rel="manifest" href="([^"]+)"', bob.client.get(f"{bob.home}/dashboard").text)
    assert link
    answer = client.get(link[1])
    assert answer.mimetype == "application/manifest+json"
    manifest = json.loads(answer.text)
    assert manifest["start_url"] == f"{bob.home}/dashboard"
    assert manifest["display"] == "standalone"
    for icon in manifest["icons"]:
        with client.get(icon["src"]) as picture:
            assert picture.mimetype == "image/png"
            assert "x".join(str(side) for side in struct.unpack(">II", picture.data[16:24])) == icon["sizes"]
    assert {icon["purpose"] for icon in manifest["icons"]} == {"any", "maskable"}


@pytest.mark.parametrize("asked", ["", "nonsense", "../../evil", "000000000000"])
def test_a_manifest_for_no_restaurant_opens_the_start(client: FlaskClient, asked: str) -> None:
    assert json.loads(client.get("/manifest.webmanifest", query_string={"restaurant": asked}).text)["start_url"] == "/"


def test_the_service_worker_keeps_the_offline_page_and_nothing_else(client: FlaskClient) -> None:
    answer = client.get("/service-worker.js")
    assert answer.mimetype == "text/javascript"
    assert answer.headers["Cache-Control"] == "no-store"
    head = re.match(r"const SHELL = (\[.*?\]);\nconst ICONS = (\{.*?\});\n", answer.text)
    assert head
    shell = json.loads(head[1])
    assert shell[0] == "/offline"
    for path in [*shell, *json.loads(head[2]).values()]:
        with client.get(path) as kept:
            assert kept.status_code == 200
    offline = client.get("/offline").text
    used = re.findall(r'(?:href|src)="(/[^"]+)"', offline)
    assert sorted(used) == sorted(shell[1:])


def test_guests_are_offered_no_app(dana: FlaskClient, table: dict[str, Any]) -> None:
    guest = dana.get(f"/t/{table['code']}").text
    assert "manifest" not in guest
    assert "service-worker-registration.js" not in guest
    assert 'scope: "/r/"' in (ROOT / "static/js/push-subscription.js").read_text()


def test_a_counter_screen_keeps_the_app_but_gets_no_messages(app: Flask, alice: Person) -> None:
    counter = device(app, alice)
    dashboard = counter.get(f"{alice.home}/dashboard").text
    assert 'rel="manifest"' in dashboard
    assert 'id="push"' not in dashboard
    assert counter.get(f"{alice.home}/notifications").status_code == 403
