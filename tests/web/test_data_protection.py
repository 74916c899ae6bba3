"""Data protection: where data are stored and for how long; components; coding rules."""

import ast
import json
import re
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from config import Config
from tests.support import ROOT
from tests.support.asvs import address, call_waiter, everything, imports, routes, sources, texts
from tests.support.cast import PASSWORD, Browser, Mail, Person
from waitercaller.db import cache, schema
from waitercaller.model import tokens
from waitercaller.model.tables import Table
from waitercaller.outgoing import delivery
from waitercaller.requests.dashboard import views

RULES = ROOT / "docs/security-rules.md"
Mails = Callable[[], list[Mail]]
WORDS = {"restaurant": "Lucia", "name": "Alice", "email": "new@example.org", "password": PASSWORD}
SCREEN_SETTINGS = ("keys", "kiosk", "notices", "rounds", "sound", "zones")
ASSIGNMENT_BY_NAME = re.compile(r"\w\[(?![\"'])[^\]\n]+\]\s*=[^=]|__proto__|\bfor\s*\(\s*(?:const|let)\s+\w+\s+in\b")


def section(title: str) -> str:
    return RULES.read_text().partition(f"### {title}\n")[2].partition("\n### ")[0].partition("\n## ")[0]


def browser(app: Flask) -> Browser:
    client = app.test_client()
    assert isinstance(client, Browser)
    return client


# --- V14.1 documentation ----------------------------------------------------------------------------------------------


@pytest.mark.asvs("14.1.1")
def test_everything_that_is_kept_has_a_level() -> None:
    rows = {line.split("`")[1]: line.split("|")[2].strip() for line in section("Data").splitlines() if "| `" in line}
    assert set(rows) == set(schema.INDEXES)
    assert set(rows.values()) <= {"secret", "personal", "internal"}


@pytest.mark.asvs("14.1.2")
def test_every_level_has_its_rules() -> None:
    rules = section("Levels")
    for level in ("secret", "personal", "internal"):
        row = next(line for line in rules.splitlines() if line.startswith(f"| **{level}**"))
        assert all(len(cell.strip()) > 3 for cell in row.split("|")[2:-1])


# --- V14.2 general data protection ------------------------------------------------------------------------------------


@pytest.mark.asvs("14.2.1")
def test_no_secret_stays_in_an_address(app: Flask, alice: Person, mails: Mails) -> None:
    client = browser(app)
    client.submit("/forgot", {"email": alice.email})
    link = mails()[0].path
    opened = client.get(link)
    assert opened.location == "/reset"
    assert opened.headers["Referrer-Policy"] == "no-referrer"
    client.get("/login", query_string={"email": alice.email, "password": PASSWORD})
    token = client.csrf_token("/login")
    words = {"email": alice.email, "password": PASSWORD}
    assert client.post("/login", query_string=words, data={"csrf_token": token}).status_code == 400
    for path, text in texts("templates", "*.html").items():
        for form in re.findall(r"<form\b[^>]*>", text):
            # What is printed is chosen, which is no secret and changes nothing.
            assert path == "templates/tables/print.html" or re.search('method="(post|dialog)"', form), path


@pytest.mark.asvs("14.2.2")
def test_what_servers_cache_holds_nothing_secret(app: Flask, alice: Person, table: Table) -> None:
    alice.client.get(f"{alice.home}/dashboard")
    app.test_client().get(f"/t/{table['code']}")
    kept = [document for each in (cache.restaurants, cache.tables) for _, document in each._entries.values()]
    assert kept
    assert not re.search("password|secret|email", repr(kept))
    cached = {
        (path.stem, node.name)
        for path, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        and any("cache" in ast.unparse(decorator) for decorator in node.decorator_list)
    }
    cached |= {(path.stem, "Once") for path, tree in sources() if "Once(" in ast.unparse(tree) and path.stem != "once"}
    printing = {("qr", "modules"), ("print_fonts", "_font"), ("print_fonts", "_font_of"), ("print_fonts", "width")}
    words = {("passwords", "_common_passwords"), ("threads", "_pool"), ("print_text", "drawn")}
    parts = {("parts", "_script"), ("parts", "_version"), ("static_files", "static_url")}
    logos = {("face_pictures", "within"), ("face_pictures", "icon")}  # guests see them, too
    # What the members of a restaurant see: up to 1,000 cards of a process, with the notes of guests; what is live now.
    # A document that is being loaded.
    calls = {("cards", "_drawn"), ("surroundings", "Once"), ("cache", "Once")}
    # What guests see: pages without what is one phone's own, and states of tables, with names and notes as the cards.
    calls |= {("pages", "_drawn_page"), ("pages", "_drawn_state")}
    # The serializer of tokens holds the keys, which the configuration in the same process does, too.
    assert cached == {*printing, *words, *parts, *logos, *calls, ("tokens", "_serializer"), ("delivery", "_tls")}


@pytest.mark.asvs("14.2.3")
def test_nothing_is_sent_to_third_parties() -> None:
    loads = re.compile(r"(?:src|srcset|action|poster)\s*=\s*[\"']?(?:https?:)?//|@import|url\(\s*[\"']?(?:https?:)?//")
    files = texts("templates", "*.html") | texts("static", "*.js", "*.css", "*.svg")
    assert [path for path, text in files.items() if loads.search(text)] == []
    scripts = texts("static", "*.js")
    # Only if configured and accepted; what is sent: tests/browser/test_analytics.py.
    assert re.findall(r"https?://[\w.]+", scripts.pop("static/js/analytics.js")) == ["https://www.googletagmanager.com"]
    assert [path for path, text in scripts.items() if re.search(r"https?://|sendBeacon|WebSocket", text)] == []


@pytest.mark.asvs("14.2.4")
def test_secrets_are_kept_as_hashes_and_leave_with_time(app: Flask, alice: Person, mails: Mails) -> None:
    client = browser(app)
    client.submit("/register", WORDS)
    client.submit("/forgot", {"email": alice.email})
    links = [mail.links[0].rpartition("/")[2] for mail in mails()]
    with alice.client.session_transaction() as session:
        secret = session["_user_id"]
    with app.app_context():
        ids = [
            tokens.serializer(f"token:{purpose}").loads(link)[0]
            for purpose, link in zip(("confirm", "reset"), links, strict=True)
        ]
    kept = repr(everything(app))
    assert len(ids) == 2
    assert [word for word in (PASSWORD, secret, *links, *ids) if word in kept] == []
    expiring = {
        name
        for name, indexes in schema.INDEXES.items()
        if any("expireAfterSeconds" in index.document for index in indexes)
    }
    assert expiring >= {"logins", "tokens", "registrations", "outbox", "audit", "limits"}


# --- V14.3 client-side data protection --------------------------------------------------------------------------------


@pytest.mark.asvs("14.3.1")
def test_after_the_end_of_a_login_nothing_is_left_to_look_at(alice: Person) -> None:
    assert isinstance(alice.client, Browser)
    pages = [f"{alice.home}/dashboard", f"{alice.home}/tables", "/account"]
    assert {alice.client.get(path).headers["Cache-Control"] for path in pages} == {"no-store"}
    alice.client.submit("/logout", page="/account")
    assert {alice.client.get(path).status_code for path in pages} == {303}
    with alice.client.session_transaction() as session:
        assert not {"_user_id", "_fresh"} & set(session)
    # A page restored from the back/forward cache is reloaded.
    assert "event.persisted && location.reload()" in texts("static", "dashboard.js")["static/js/dashboard.js"]


@pytest.mark.asvs("14.3.2")
def test_no_page_is_kept_by_browsers(app: Flask, alice: Person, table: Table) -> None:
    for rule in routes(app, "GET"):
        answer = alice.client.get(address(app, rule, alice, table), buffered=False)
        answer.close()
        if rule.endpoint not in ("static", "favicon"):
            assert answer.headers["Cache-Control"] == "no-store", rule


@pytest.mark.asvs("14.3.3")
def test_browsers_keep_nothing_sensitive(app: Flask, alice: Person) -> None:
    client = browser(app)
    client.submit("/login", {"email": alice.email, "password": PASSWORD})
    with client.session_transaction() as session:
        assert set(session) <= {"_user_id", "_fresh", "_id", "_permanent", "csrf_token", "_flashes"}
    kept = [
        found
        for path, text in texts("static", "*.js").items()
        # sessionStorage: the kind of the call just made, and the referring site.
        # The service worker keeps its offline page only, see tests/notifications/test_pages.py.
        if path not in ("static/js/consent.js", "static/js/analytics.js", "static/js/service-worker.js")
        for found in re.findall(r"(localStorage|sessionStorage|indexedDB|document\.cookie|caches)\.?(\w*)", text)
    ]
    assert set(kept) <= {("localStorage", "getItem"), ("localStorage", "setItem")}
    scripts = "".join(text for path, text in texts("static", "*.js").items() if path != "static/js/storage.js")
    assert set(re.findall(r"\bwrite\(([^,]+),", scripts)) <= {"KEY", '"heard"'}
    keys = set(re.findall(r"\bKEY = (.+);", scripts))
    assert keys <= {"`push.${settings?.member}`", '"taps"', *(f'ofThisScreen("{name}")' for name in SCREEN_SETTINGS)}


# --- V15.1 documentation, V15.2 dependencies --------------------------------------------------------------------------


@pytest.mark.asvs("15.1.2")
def test_every_component_is_pinned_with_its_hashes() -> None:
    for path in (ROOT / "requirements.txt", *(ROOT / "tests/requirements").glob("*.txt")):
        blocks = re.split(r"\n(?=\w)", re.sub(r"(?m)^\s*#.*\n?", "", path.read_text()))
        assert len(blocks) > 3
        assert [block for block in blocks if not re.match(r"[\w.\[\]-]+==\S+.*--hash=sha256:", block, re.DOTALL)] == []
    packages = json.loads((ROOT / "tests/frontend/package-lock.json").read_text())["packages"]
    assert [name for name, package in packages.items() if name and "integrity" not in package] == []
    for folder in (each for each in (ROOT / "static/vendor").iterdir() if each.is_dir()):
        assert (folder / "VERSION").exists()
        assert (folder / "LICENSE").exists()
    assert "--require-hashes" in (ROOT / "Makefile").read_text()


@pytest.mark.asvs("15.1.3")
def test_the_rules_name_what_is_costly() -> None:
    assert all(name in section("Costly work") for name in ("argon2id", "QR", "streams", "outbox", "hold"))


@pytest.mark.asvs("15.2.2")
def test_what_is_costly_is_bounded(app: Flask, alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "MAX_STREAMS_PER_LOGIN", 3)
    streams = [alice.client.get(f"{alice.home}/live", buffered=False) for _ in range(4)]
    assert [stream.status_code for stream in streams] == [200, 200, 200, 429]
    for stream in streams:
        stream.close()
    long = {"email": alice.email, "password": "x" * 129}
    monkeypatch.setattr("waitercaller.web.passwords.verify", None)  # it is not even looked at
    assert browser(app).submit("/login", long).status_code == 400


# --- V15.3 defensive coding -------------------------------------------------------------------------------------------


@pytest.mark.asvs("15.3.1")
def test_an_answer_holds_what_it_is_asked_for_and_no_more(
    app: Flask, alice: Person, bob: Person, table: Table, dana: FlaskClient
) -> None:
    call_waiter(dana, table)
    called = app.extensions["mongo"].database.requests.find_one()
    token = bob.client.csrf_token(f"{bob.home}/dashboard")
    path = f"{bob.home}/requests/{called['_id']}/accept"
    answer = bob.client.post(path, data={"csrf_token": token}, headers={"Accept": "application/json"})
    assert set(answer.get_json()) == {"ok", "message"}
    page = dana.get(f"/t/{table['code']}").text
    private = (bob.email, bob.member_id, str(bob.user_id), str(alice.restaurant_id), alice.email, "127.0.0.1")
    assert [word for word in private if word in page] == []


@pytest.mark.asvs("15.3.2")
def test_what_calls_outside_follows_no_redirects() -> None:
    """http.client, which follows none, is the only client there is."""
    clients = {"aiohttp", "http.client", "httpx", "requests", "urllib.request", "urllib3"}
    assert {name for path, tree in sources() for name in imports(tree) if name in clients} == {"http.client"}
    assert delivery._verdict(307) == "refused"


@pytest.mark.asvs("15.3.3")
def test_a_registration_takes_its_own_fields_only(app: Flask, mails: Mails) -> None:
    client = browser(app)
    more = {"role": "owner", "password_hash": "x", "confirmed": "1", "members": "x", "two_factor": "x", "_id": "0" * 24}
    client.submit("/register", WORDS | more)
    client.get(mails()[0].path)
    assert client.submit("/confirm").status_code == 303
    [user], [restaurant] = everything(app)["users"], everything(app)["restaurants"]
    assert user["password_hash"].startswith("$argon2id$")
    assert not {"role", "confirmed", "members", "two_factor"} & set(user)
    assert [member["role"] for member in restaurant["members"]] == ["owner"]


@pytest.mark.asvs("15.3.4")
def test_what_is_kept_and_counted_is_the_visitors_address(make_app: Any, config: Config, app: Flask) -> None:
    behind = make_app(replace(config, proxy_count=1))
    client = behind.test_client()
    client.environ_base["HTTP_X_FORWARDED_FOR"] = "6.6.6.6, 192.0.2.7"
    client.submit("/login", {"email": "nobody@example.org", "password": PASSWORD})
    [entry] = [each for each in everything(app)["audit"] if each["event"] == "login_failed"]
    assert entry["address"] == "192.0.2.7"


@pytest.mark.asvs("15.3.5")
@pytest.mark.parametrize(
    "body", [{"json": {"names": ["7"]}}, {"data": {"names": (BytesIO(b"7"), "7")}}, {"data": {"names[]": "7"}}]
)
def test_a_value_of_another_type_is_refused(app: Flask, alice: Person, body: dict[str, Any]) -> None:
    assert isinstance(alice.client, Browser)
    headers = {"X-CSRFToken": alice.client.csrf_token("/account")}
    assert alice.client.post(f"{alice.home}/tables", headers=headers, **body).status_code == 400
    assert not everything(app)["tables"]
    assert alice.client.get("/r/null/tables").status_code == 404


@pytest.mark.asvs("15.3.6")
def test_scripts_assign_no_properties_by_names_that_came_in() -> None:
    found = [
        (path, hit[0]) for path, text in texts("static", "*.js").items() for hit in ASSIGNMENT_BY_NAME.finditer(text)
    ]
    assert found == []


@pytest.mark.asvs("15.3.7")
@pytest.mark.parametrize("field", ["email", "password", "name", "restaurant"])
def test_a_field_counts_once_and_from_the_form_only(app: Flask, field: str) -> None:
    client = browser(app)
    twice = {**{name: [value] for name, value in WORDS.items()}, field: [WORDS[field], "another-one@example.org"]}
    assert client.submit("/register", twice).status_code == 400
    token = client.csrf_token("/register")
    without = {name: value for name, value in WORDS.items() if name != field}
    asked = client.post("/register", query_string={field: WORDS[field]}, data={**without, "csrf_token": token})
    assert asked.status_code == 400
    assert not everything(app)["registrations"]
