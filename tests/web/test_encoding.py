"""Output encoding: input stays text in HTML, CSV, mails, logs and queries."""

import ast
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from markupsafe import escape

from config import PUSH_SERVICES
from tests.support.asvs import SCRIPT, call_waiter, calls, everything, imports, sources
from tests.support.cast import PASSWORD, Browser, Mail, Person
from waitercaller.model.tables import Table
from waitercaller.outgoing import delivery

Mails = Callable[[], list[Mail]]
PYTHONS_RISKS = {"pickle", "marshal", "shelve", "yaml", "dill", "jsonpickle"}
XML = {"xml", "lxml", "defusedxml", "html5lib"}


@pytest.fixture
def named(app: Flask, alice: Person) -> Callable[[str], str]:
    """`named("Terrace")`: create a table with this name through the forms; returns the path of its page."""
    client, room = alice.client, f"{alice.home}/tables"
    assert isinstance(client, Browser)

    def rename(name: str) -> str:
        assert client.submit(room, {"names": "7", "zone": ""}).status_code == 303
        path = f"{room}/{app.extensions['mongo'].database.tables.find_one({'name': '7'})['_id']}"
        assert client.submit(path, {"name": name, "zone": ""}).status_code == 303
        return path

    return rename


def register(client: FlaskClient, **changes: str) -> Any:
    assert isinstance(client, Browser)
    words = {"restaurant": "Mallory's", "name": "Mallory", "email": "mallory@example.org", "password": PASSWORD}
    return client.submit("/register", words | changes)


def imported() -> set[str]:
    """The top-level packages that the product imports."""
    return {name.split(".")[0] for _, tree in sources() for name in imports(tree)}


def called() -> set[str]:
    return {name for _, tree in sources() for name, _ in calls(tree)}


# --- V1.1 encoding and sanitization architecture ----------------------------------------------------------------------


@pytest.mark.asvs("1.1.1")
@pytest.mark.parametrize("name", ["%41 %2541", "&lt;b&gt; &amp;amp;", "\\u0041 \\x41", "=?utf-8?q?A?="])
def test_input_is_decoded_once(named: Any, alice: Person, name: str) -> None:
    assert str(escape(name)) in alice.client.get(named(name)).text


@pytest.mark.asvs("1.1.2")
def test_text_is_kept_as_it_came_and_escaped_where_it_is_written(app: Flask, named: Any, alice: Person) -> None:
    page = alice.client.get(named(SCRIPT)).text
    assert app.extensions["mongo"].database.tables.find_one({"name": SCRIPT})
    assert SCRIPT not in page
    assert str(escape(SCRIPT)) in page


# --- V1.2 injection prevention ----------------------------------------------------------------------------------------


@pytest.mark.asvs("1.2.1")
def test_text_cannot_leave_its_place_in_a_page_or_a_header(named: Any, alice: Person) -> None:
    name = "\"'><img src=x>"
    path = named(name)
    for page in (path, f"{alice.home}/tables", f"{alice.home}/tables/print"):
        text = alice.client.get(page).text
        assert "<img src=x>" not in text
        assert f'value="{escape(name)}"' in text or page != path
    header = alice.client.get(f"{path}/qr.png").headers["Content-Disposition"]
    assert "<" not in header
    assert header.count('"') in (0, 2)


@pytest.mark.asvs("1.2.2")
def test_text_in_an_address_is_encoded_and_no_script_is_an_address(
    client: FlaskClient, alice: Person, table: Table
) -> None:
    target = urlsplit(client.get(f"{alice.home}/tables", query_string={"a": 'b&next=//evil"'}).location)
    assert parse_qs(target.query) == {"next": [f"{alice.home}/tables?a=b%26next%3D//evil%22"]}
    page = client.get(f"/t/{table['code']}", query_string={"r": '"><b>&lang=x', "lang": "javascript:alert(1)"}).text
    assert "<b>&" not in page
    assert "javascript:" not in page
    assert isinstance(alice.client, Browser)
    answer = alice.client.submit("/login?next=javascript:alert(1)", {"email": alice.email, "password": PASSWORD})
    assert answer.location.startswith("/")


@pytest.mark.asvs("1.2.3")
def test_text_cannot_leave_its_place_in_json_or_an_event(
    app: Flask, hire: Any, alice: Person, table: Table, dana: FlaskClient
) -> None:
    eve = hire('Eve"}</script>\\', role="waiter", at=alice)
    assert call_waiter(dana, table).status_code == 303
    called = app.extensions["mongo"].database.requests.find_one()
    path = f"{alice.home}/requests/{called['_id']}/accept"
    token = eve.client.csrf_token(f"{alice.home}/dashboard")
    eve.client.post(path, data={"csrf_token": token})
    answer = alice.client.post(
        path,
        data={"csrf_token": alice.client.csrf_token(f"{alice.home}/dashboard")},
        headers={"Accept": "application/json"},
    )
    assert answer.get_json()["message"] == f"{eve.name} has it."
    stream = dana.get(f"/t/{table['code']}/live", buffered=False)
    events: Any = iter(stream.response)
    next(events)
    event = next(events).decode()
    stream.close()
    name, data = event.strip().split("\n")
    assert (name, str(escape(eve.name)) in json.loads(data.removeprefix("data: "))["html"]) == ("event: state", True)


@pytest.mark.asvs("1.2.4")
@pytest.mark.parametrize("key", ["email[$ne]", "password[$gt]", "$where"])
def test_operators_of_the_database_are_no_values(client: FlaskClient, alice: Person, key: str) -> None:
    assert isinstance(client, Browser)
    words = {"email": alice.email, "password": '{"$gt": ""}', key: ""}
    assert client.submit("/login", words).status_code == 400
    headers = {"X-CSRFToken": client.csrf_token("/login")}
    assert (
        client.post("/login", json={"email": {"$ne": None}, "password": PASSWORD}, headers=headers).status_code == 400
    )
    assert client.get("/account").status_code == 303


@pytest.mark.asvs("1.2.5")
def test_no_command_of_the_operating_system_is_run() -> None:
    assert not {"subprocess", "pty", "commands"} & imported()
    assert not {"os.system", "os.popen", "os.execv", "os.spawnv", "os.posix_spawn"} & called()


@pytest.mark.asvs("1.2.9")
def test_no_pattern_is_built_from_text() -> None:
    patterns = [
        (path.name, ast.unparse(call.args[0]))
        for path, tree in sources()
        for name, call in calls(tree)
        if re.fullmatch(r"re\.\w+", name) and not isinstance(call.args[0], ast.Constant)
    ]
    assert patterns == [("browsers.py", "pattern")]  # of a list of constants
    assert not any('"$regex"' in ast.unparse(tree).replace("'", '"') for _, tree in sources())


# --- V1.3 sanitization ------------------------------------------------------------------------------------------------


@pytest.mark.asvs("1.3.2")
def test_no_text_is_run_as_code() -> None:
    assert not {"eval", "exec", "compile", "__import__", "importlib.import_module"} & called()


@pytest.mark.asvs("1.3.3")
@pytest.mark.parametrize("name", ["Lucia\0", "Lu\x1b[2Jcia", "L" * 81])
def test_control_characters_and_overlong_text_are_refused(app: Flask, client: FlaskClient, name: str) -> None:
    before = everything(app)
    assert register(client, name=name).status_code == 400
    assert everything(app) == before


@pytest.mark.asvs("1.3.6")
@pytest.mark.parametrize(
    "address",
    [
        "http://fcm.googleapis.com/send",
        "https://127.0.0.1/send",
        "https://169.254.169.254/latest",
        "https://fcm.googleapis.com@evil.example/",
    ],
)
def test_a_browser_can_name_a_push_service_and_no_other_address(address: str) -> None:
    assert delivery.is_allowed("https://fcm.googleapis.com/send", PUSH_SERVICES)
    assert not delivery.is_allowed(address, PUSH_SERVICES)


@pytest.mark.asvs("1.3.7")
def test_no_template_is_built_from_text(named: Any, alice: Person) -> None:
    name = "{{ 7*7 }}{% if 1 %}x{% endif %}"
    assert str(escape(name)) in alice.client.get(named(name)).text
    assert not {"render_template_string", "Template", "jinja2.Template", "stream_template_string"} & called()


@pytest.mark.asvs("1.3.10")
def test_text_is_no_format(named: Any, alice: Person) -> None:
    name = "%(name)s %d {0.__class__}"
    path = named(name)
    assert isinstance(alice.client, Browser)
    page = alice.client.submit(f"{path}/remove", page=path, follow_redirects=True)
    assert f"“{escape(name)}” was removed." in page.text


@pytest.mark.asvs("1.3.11")
def test_text_cannot_add_to_a_mail(client: FlaskClient, mails: Mails) -> None:
    assert register(client, email="mallory@example.org\r\nBcc: victim@example.org").status_code == 400
    assert register(client, email="mallory@example.org,victim@example.org").status_code == 400
    assert register(client, name="Mallory\r\nBcc: victim@example.org").status_code == 303
    [mail] = mails()
    assert mail.to == "mallory@example.org"
    assert mail.message["Bcc"] is None
    assert "victim" not in mail.message.as_string()


# --- V1.4 memory, V1.5 safe deserialization ---------------------------------------------------------------------------


@pytest.mark.asvs("1.4.2")
@pytest.mark.parametrize("names", ["1-99999999999999999999", "9223372036854775807-9223372036854776100", "0-201"])
def test_numbers_have_bounds(app: Flask, alice: Person, names: str) -> None:
    assert isinstance(alice.client, Browser)
    assert alice.client.submit(f"{alice.home}/tables", {"names": names, "zone": ""}).status_code == 400
    assert app.extensions["mongo"].database.tables.count_documents({}) == 0


@pytest.mark.asvs("1.4.3")
def test_a_stream_gives_back_what_it_took(app: Flask, dana: FlaskClient, table: Table) -> None:
    hub = app.extensions["hub"]
    streams = [dana.get(f"/t/{table['code']}/live", buffered=False) for _ in range(5)]
    assert hub._topics
    for stream in streams:
        stream.close()
    assert (dict(hub._topics), +hub._holders) == ({}, {})


@pytest.mark.asvs("1.5.1")
def test_no_xml_is_parsed() -> None:
    assert not XML & imported()


@pytest.mark.asvs("1.5.2")
def test_nothing_that_can_run_code_is_deserialized(client: FlaskClient) -> None:
    assert not PYTHONS_RISKS & imported()
    client.set_cookie("session", "gASVKAAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOUjA1pZCA+IC90bXAveKSUhZRSlC4=")
    assert client.get("/login").status_code == 200
