"""Invitations by mail: who may send them, their contents, and how they are accepted."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.cast import PASSWORD, Mail, Person
from tests.support.together import at_once
from waitercaller.staff import mails as staff_mails
from waitercaller.web import limits

ANNA = "anna@example.org"
Hire = Callable[..., Person]
Mails = Callable[[], list[Mail]]


@pytest.fixture
def mona(hire: Hire, alice: Person) -> Person:
    return hire("Mona", role="manager", at=alice)


@pytest.fixture
def members(app: Flask, alice: Person) -> Callable[[], dict[str, str]]:
    """`members()`: the roles in Alice's restaurant, by name."""

    def found() -> dict[str, str]:
        document = app.extensions["mongo"].database.restaurants.find_one({"_id": alice.restaurant_id})
        return {member["name"]: member["role"] for member in document["members"]}

    return found


def invite(person: Person, email: str = ANNA, role: str = "waiter", **form: Any) -> Any:
    token = person.client.csrf_token(f"{person.home}/staff")
    values = {"csrf_token": token, "email": email, "role": role, **form}
    return person.client.post(f"{person.home}/staff/invitations", data=values)


def press(person: Person, path: str) -> Any:
    token = person.client.csrf_token(f"{person.home}/staff")
    return person.client.post(f"{person.home}/staff{path}", data={"csrf_token": token})


def withdraw(app: Flask, person: Person) -> Any:
    found = app.extensions["mongo"].database.invitations.find_one({"used_at": None, "withdrawn_at": None})
    return press(person, f"/invitations/{found['_id']}/withdraw")


def join(browser: Any, mail: Mail, name: str = "Anna", password: str = "four waiters in a row") -> Any:
    """Open the mail's link and send the form that is there."""
    browser.get(mail.path)
    return browser.submit("/invitation", {"name": name, "password": password})


# --- names that are buttons ------------------------------------------------------------------------------


def test_two_of_one_name_are_told_apart(
    app: Flask, client: Any, alice: Person, bob: Person, mails: Mails, members: Callable[[], dict[str, str]]
) -> None:
    invite(alice)
    (mail,) = mails()
    page = join(client, mail, name="bob").get_data(as_text=True)
    assert members() == {"Alice": "owner", "Bob": "waiter", "bob 2": "waiter"}
    assert "bob 2" in client.get("/account").text or "bob 2" in page or "bob 2" in client.get(f"{alice.home}/duty").text
    token = bob.client.csrf_token("/account")
    bob.client.post("/account/name", data={"csrf_token": token, "name": " ALICE "})
    assert set(members()) == {"Alice", "ALICE 2", "bob 2"}
    assert "you are “ALICE 2” there" in bob.client.get("/account").text
    token = bob.client.csrf_token("/account")
    bob.client.post("/account/name", data={"csrf_token": token, "name": "ALICE"})
    assert set(members()) == {"Alice", "ALICE 2", "bob 2"}  # not "ALICE 3": the one before was their own
    bob.client.post("/account/name", data={"csrf_token": token, "name": "Bob"})
    assert set(members()) == {"Alice", "Bob", "bob 2"}


# --- sending ------------------------------------------------------------------------------------------------


def test_an_invitation_is_a_mail_and_waits_on_the_page(alice: Person, mails: Mails) -> None:
    answer = invite(alice)
    assert answer.status_code == 303
    page = alice.client.get(f"{alice.home}/staff").text
    for words in ("Invited", ANNA, "by Alice", "7 days"):
        assert words in page or words.replace("7 days", "1 week") in page
    (mail,) = mails()
    assert mail.to == ANNA
    assert "Trattoria Lucia" in mail.text
    assert mail.links[0].startswith("http://localhost/invitation/")


def test_managers_invite_waiters_and_owners_anybody(alice: Person, mona: Person, mails: Mails) -> None:
    for person, role, expected in (
        (mona, "waiter", 303),
        (mona, "manager", 400),
        (mona, "owner", 400),
        (alice, "manager", 303),
        (alice, "owner", 303),
        (alice, "admin", 400),
    ):
        assert invite(person, f"{role}@example.org", role).status_code == expected, (person.name, role)
    assert [mail.to for mail in mails()] == ["waiter@example.org", "manager@example.org", "owner@example.org"]


@pytest.mark.parametrize("email", ["", "anna", "anna@localhost", "a@b.de\r\nBcc: c@d.de", "a@b.de, c@d.de", "\0@b.de"])
def test_what_is_no_address_is_refused(alice: Person, mails: Mails, email: str) -> None:
    answer = invite(alice, email)
    assert answer.status_code == 400
    assert 'class="field-error"' in answer.text
    assert mails() == []


def test_who_works_here_is_not_invited_again(alice: Person, bob: Person, mails: Mails) -> None:
    assert "works here already" in invite(alice, "BOB@example.org").text
    assert mails() == []


def test_addresses_known_elsewhere_are_answered_like_unknown_ones(alice: Person, charlie: Person, mails: Mails) -> None:
    pages = []
    for email in (charlie.email, "nobody@example.org"):
        answer = invite(alice, email)
        assert answer.status_code == 303
        pages.append(alice.client.get(answer.location).text)
    for page, email in zip(pages, (charlie.email, "nobody@example.org"), strict=True):
        assert f"The invitation to {email} is on its way." in page
    known, unknown = mails()
    assert known.subject == unknown.subject
    assert known.text.replace(known.links[0], "") == unknown.text.replace(unknown.links[0], "")


@pytest.mark.parametrize(
    ("name", "is_shown"),
    [
        ("Trattoria Lucia", True),
        ("St. Mary’s & Sons", True),
        ("Café 1900", True),
        ("Win at evil.example", False),
        ("evil．example now", False),
        ("http://evil", False),
        ("www evil example", False),
        ("mail me@evil.example", False),
        ("Call 0900 123 456", False),
        ("x" * 41, False),
    ],
)
def test_names_of_restaurants_are_no_advertisement(app: Flask, name: str, is_shown: bool) -> None:
    assert staff_mails.safe_name(name) == (name if is_shown else "")


def test_a_mail_to_somebody_who_did_not_ask_holds_no_words_of_the_senders(hire: Hire, mails: Mails) -> None:
    eve = hire("Eve", restaurant="Win at evil.example")
    invite(eve, name="Tap evil.example NOW")
    (mail,) = mails()
    assert "evil" not in mail.text + mail.html + mail.subject
    assert "A restaurant would like you to join" in mail.text


def test_invitations_are_limited_by_restaurant_and_by_address(alice: Person, charlie: Person) -> None:
    for allowed in range(5):
        assert invite((alice, charlie)[allowed % 2]).status_code == 303
    answer = invite(alice)
    assert answer.status_code == 429
    assert "Retry-After" in answer.headers
    most = limits.LIMITS["invite"].allowances[0].tries
    answers = [invite(alice, f"guest{number}@example.org").status_code for number in range(most)]
    assert answers[0] == 303
    assert answers[-1] == 429


# --- joining ------------------------------------------------------------------------------------------------


def test_somebody_new_chooses_a_name_and_a_password_and_is_in(
    client: FlaskClient, alice: Person, mails: Mails, members: Any
) -> None:
    invite(alice, role="manager", name="Annie")
    (mail,) = mails()
    moved_on = client.get(mail.path)
    assert moved_on.location == "/invitation"
    assert moved_on.headers["Referrer-Policy"] == "no-referrer"
    page = client.get("/invitation").text
    for words in ("Trattoria Lucia", "Alice invites you", "Manager", ANNA, 'value="Annie"'):
        assert words in page
    answer = join(client, mail)
    assert answer.location == f"{alice.home}/dashboard"
    assert client.get(answer.location).status_code == 200
    assert members()["Anna"] == "manager"


def test_who_joined_can_log_in(app: Flask, client: FlaskClient, alice: Person, mails: Mails) -> None:
    invite(alice)
    join(client, mails()[0])
    other: Any = app.test_client()
    answer = other.submit("/login", {"email": ANNA, "password": "four waiters in a row"})
    assert answer.location == f"{alice.home}/dashboard"


@pytest.mark.parametrize(
    ("name", "password"),
    [("", PASSWORD), ("Anna", "short"), ("Anna", ""), ("Anna", "Trattoria Lucia"), ("Anna", ANNA), ("Anna", "x" * 129)],
)
def test_a_bad_name_or_password_is_refused_and_the_link_stays_good(
    client: Any, alice: Person, mails: Mails, members: Any, name: str, password: str
) -> None:
    invite(alice)
    (mail,) = mails()
    refused = join(client, mail, name, password)
    assert refused.status_code == 400
    assert 'class="field-error"' in refused.text
    assert set(members()) == {"Alice"}
    assert client.submit("/invitation", {"name": "Anna", "password": PASSWORD}).status_code == 303


def test_who_has_an_account_and_is_logged_in_joins_by_one_button(
    charlie: Person, alice: Person, mails: Mails, members: Any
) -> None:
    invite(alice, charlie.email)
    charlie.client.get(mails()[0].path)
    page = charlie.client.get("/invitation").text
    assert "Join the team" in page
    assert 'type="password"' not in page
    answer = charlie.client.submit("/invitation")
    assert answer.location == f"{alice.home}/dashboard"
    assert members()["Charlie"] == "waiter"
    for home in (alice.home, charlie.home):
        assert charlie.client.get(f"{home}/dashboard").status_code == 200
    assert "Trattoria Lucia" in charlie.client.get("/account").text


def test_who_has_an_account_logs_in_and_comes_back(
    client: Any, charlie: Person, alice: Person, mails: Mails, members: Any
) -> None:
    invite(alice, charlie.email)
    client.get(mails()[0].path)
    page = client.get("/invitation").text
    assert 'type="password"' not in page
    login = page.split('href="/login?next=')[1].split('"')[0]
    answer = client.submit(f"/login?next={login}", {"email": charlie.email, "password": PASSWORD})
    assert answer.location.startswith("/invitation?of=")
    assert client.submit(answer.location).location == f"{alice.home}/dashboard"
    assert members()["Charlie"] == "waiter"


def test_the_link_opens_no_account(client: Any, charlie: Person, alice: Person, mails: Mails, members: Any) -> None:
    """A visitor with Charlie's link who is not logged in as Charlie cannot join as Charlie."""
    invite(alice, charlie.email)
    client.get(mails()[0].path)
    token = client.csrf_token("/login")
    form = {"csrf_token": token, "name": "Charlie", "password": "a new password of mine"}
    assert client.post("/invitation", data=form).status_code == 200
    assert "Charlie" not in members()
    assert client.get("/account").status_code == 303


def test_an_invitation_is_for_its_address_only(bob: Person, alice: Person, mails: Mails, members: Any) -> None:
    invite(alice)
    bob.client.get(mails()[0].path)
    page = bob.client.get("/invitation")
    assert "you are logged in as bob@example.org" in page.text
    token = bob.client.csrf_token("/account")
    bob.client.post("/invitation", data={"csrf_token": token, "name": "Anna", "password": PASSWORD})
    assert set(members()) == {"Alice", "Bob"}


def test_an_id_opens_an_invitation_to_nobody_but_the_one_it_is_for(
    app: Flask, client: FlaskClient, bob: Person, alice: Person
) -> None:
    invite(alice)
    found = app.extensions["mongo"].database.invitations.find_one({})
    for browser, expected in ((client, 400), (bob.client, 410)):
        answer = browser.get(f"/invitation?of={found['_id']}")
        assert answer.status_code == expected
        assert "Trattoria" not in answer.text.split("<main")[1]


# --- links that are dead ------------------------------------------------------------------------------------


def is_dead(browser: Any, mail: Mail, status: int = 410) -> None:
    browser.get(mail.path)
    answer = browser.get("/invitation")
    assert answer.status_code == status
    assert "Ask the restaurant to send you another" in answer.text or status == 400


def test_a_link_works_once(app: Flask, client: FlaskClient, alice: Person, mails: Mails) -> None:
    invite(alice)
    (mail,) = mails()
    join(client, mail)
    is_dead(app.test_client(), mail)


def test_a_withdrawn_invitation_opens_nothing(app: Flask, client: FlaskClient, alice: Person, mails: Mails) -> None:
    invite(alice)
    (mail,) = mails()
    assert withdraw(app, alice).status_code == 303
    assert "The invitation is withdrawn" in alice.client.get(f"{alice.home}/staff").text
    assert ANNA not in alice.client.get(f"{alice.home}/staff").text
    is_dead(client, mail)


def test_one_withdrawn_before_it_was_sent_is_not_sent(app: Flask, alice: Person, mails: Mails) -> None:
    invite(alice)
    withdraw(app, alice)
    assert mails() == []


def test_managers_withdraw_invitations_of_waiters_only(app: Flask, alice: Person, mona: Person) -> None:
    invite(alice, role="owner")
    assert withdraw(app, mona).status_code == 403
    withdraw(app, alice)
    invite(alice)
    assert withdraw(app, mona).status_code == 303


def test_after_seven_days_it_is_too_old(
    client: FlaskClient, alice: Person, mails: Mails, later: Callable[..., None]
) -> None:
    invite(alice)
    (mail,) = mails()
    later(days=6, hours=23)
    client.get(mail.path)
    assert client.get("/invitation").status_code == 200
    later(hours=2)
    is_dead(client, mail)


def test_the_newest_invitation_of_an_address_replaces_the_others(
    app: Flask, client: FlaskClient, alice: Person, mails: Mails, members: Any
) -> None:
    invite(alice, role="owner")
    (first,) = mails()
    invite(alice)
    (second,) = mails()
    is_dead(app.test_client(), first)
    join(client, second)
    assert members()["Anna"] == "waiter"


@pytest.mark.needs_wire
@pytest.mark.parametrize("deed", ["remove", "role"])
def test_what_somebody_promised_who_may_not_any_more_is_void(
    client: FlaskClient, alice: Person, hire: Hire, mails: Mails, members: Any, deed: str
) -> None:
    ben = hire("Ben", role="owner", at=alice)
    invite(ben, role="owner")
    (mail,) = mails()
    token = alice.client.csrf_token(f"{alice.home}/staff")
    form = {"csrf_token": token, "role": "manager"}
    assert alice.client.post(f"{alice.home}/staff/members/{ben.member_id}/{deed}", data=form).status_code == 303
    is_dead(client, mail)
    assert "Anna" not in members()


def test_a_forged_link_and_none_at_all(client: FlaskClient, alice: Person, mails: Mails) -> None:
    assert client.get("/invitation").status_code == 400
    invite(alice)
    mail = mails()[0]
    mail.links[0] = mail.links[0][:-4] + "AAAA"
    is_dead(client, mail, 400)


@pytest.mark.parametrize("purpose", ["confirm", "reset", "join", "device"])
def test_its_token_is_good_for_nothing_else(client: FlaskClient, alice: Person, mails: Mails, purpose: str) -> None:
    invite(alice)
    client.get(mails()[0].path.replace("/invitation/", f"/{purpose}/"))
    assert client.get(f"/{purpose}").status_code == 400


@pytest.mark.needs_wire
def test_of_twenty_who_use_one_link_at_once_one_joins(app: Flask, alice: Person, mails: Mails, members: Any) -> None:
    invite(alice)
    (mail,) = mails()
    works: list[Any] = []
    for number in range(20):
        browser: Any = app.test_client()
        browser.get(mail.path)
        form = {"csrf_token": browser.csrf_token("/invitation"), "name": f"Anna {number}", "password": PASSWORD}
        works.append(partial(browser.post, "/invitation", data=form))
    answers = [answer.status_code for answer in at_once(*works)]
    # The others get the message that the link was used or that the address has an account.
    assert answers.count(303) == 1
    assert set(answers) <= {303, 410, 200, 503}
    assert len(members()) == 2
    assert app.extensions["mongo"].database.users.count_documents({"email": ANNA}) == 1
