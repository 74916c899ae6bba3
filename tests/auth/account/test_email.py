"""Change of the e-mail address: request, confirmation, notices. Mallory is an attacker."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests.support.cast import PASSWORD, Mail, Person, visit
from tests.support.together import at_once
from waitercaller.model import logins, users

Mails = Callable[[], list[Mail]]


def ask(person: Person, new: str, password: str = PASSWORD) -> Any:
    return person.client.submit("/account/email", {"email": new, "password": password})


def link_to(address: str, mails: list[Mail]) -> str:
    """The path of the newest link that confirms this address."""
    return [mail.path for mail in mails if mail.to == address and "/email/" in mail.path][-1]


@pytest.fixture
def address_of(app: Flask) -> Callable[[Person], str]:
    """`address_of(alice)`: the current address."""

    def found(person: Person) -> str:
        with app.app_context():
            user = users.get(person.user_id)
            assert user is not None
            return str(user["email"])

    return found


def test_the_new_address_counts_once_it_is_confirmed(
    app: Flask, alice: Person, mails: Mails, address_of: Callable[[Person], str]
) -> None:
    assert ask(alice, "New@Example.org").location == "/account"
    assert "new@example.org" in alice.client.get("/account").text  # waiting
    sent = mails()
    assert sorted((mail.to, mail.subject) for mail in sent) == [
        ("alice@example.org", "Another e-mail address for your account at Waiter Caller"),
        ("new@example.org", "Confirm your new address for Waiter Caller"),
    ]
    assert address_of(alice) == "alice@example.org"

    assert alice.client.get(link_to("new@example.org", sent)).location == "/email"
    page = alice.client.get("/email").text
    assert "new@example.org" in page
    assert 'name="password"' not in page  # Alice is logged in here
    assert alice.client.submit("/email").location == "/account"
    assert address_of(alice) == "new@example.org"
    assert [(mail.to, mail.subject) for mail in mails()] == [
        ("alice@example.org", "The e-mail address of your account at Waiter Caller was changed")
    ]
    for email, status in (("alice@example.org", 400), ("new@example.org", 303)):
        assert visit(app).submit("/login", {"email": email, "password": PASSWORD}).status_code == status


def test_every_other_login_ends_and_this_one_gets_a_new_id(app: Flask, alice: Person, mails: Mails) -> None:
    phone = visit(app)
    phone.submit("/login", {"email": alice.email, "password": PASSWORD})
    before = alice.client.cookie("session")
    ask(alice, "new@example.org")
    alice.client.get(link_to("new@example.org", mails()))
    alice.client.submit("/email")
    assert alice.client.get("/account").status_code == 200
    assert phone.get("/account").status_code == 303
    alice.client.set_cookie("session", before)
    assert alice.client.get("/account").status_code == 303


def test_opening_the_link_does_nothing(alice: Person, mails: Mails, address_of: Callable[[Person], str]) -> None:
    ask(alice, "new@example.org")
    path = link_to("new@example.org", mails())
    for _ in range(3):
        alice.client.head(path)
        alice.client.get(path, follow_redirects=True)
    assert address_of(alice) == "alice@example.org"
    assert alice.client.get(path).headers["Referrer-Policy"] == "no-referrer"


def test_in_another_browser_the_link_takes_the_password(
    app: Flask, alice: Person, charlie: Person, mails: Mails, address_of: Callable[[Person], str]
) -> None:
    ask(alice, "new@example.org")
    path = link_to("new@example.org", mails())
    for browser in (visit(app), charlie.client):  # logged out, and logged in as another user
        browser.get(path)
        for wrong in ({}, {"password": ""}, {"password": "not this one"}):
            assert browser.submit("/email", wrong).status_code == 400
    assert address_of(alice) == "alice@example.org"
    phone = visit(app)
    phone.get(path)
    assert phone.submit("/email", {"password": PASSWORD}).location == "/login"
    assert address_of(alice) == "new@example.org"
    assert alice.client.get("/account").status_code == 303
    assert charlie.client.get("/account").status_code == 200


def test_whoever_guesses_at_a_stray_link_does_not_lock_alice_out(app: Flask, alice: Person, mails: Mails) -> None:
    ask(alice, "new@example.org")
    stranger = visit(app)
    stranger.get(link_to("new@example.org", mails()))
    form = {"csrf_token": stranger.csrf_token("/email"), "password": "a guess"}
    assert [stranger.post("/email", data=form).status_code for _ in range(11)] == [400] * 10 + [429]
    assert alice.client.submit("/account/verify", {"password": PASSWORD}).status_code == 303


@pytest.mark.parametrize(
    ("new", "password", "said"),
    [
        ("alice@example.org", PASSWORD, "This is your address already"),
        ("ALICE@example.org", PASSWORD, "This is your address already"),
        ("new@example.org", "not this one", "This is not your password"),
        ("new@example.org", "", "Please fill this in"),
        ("new@", PASSWORD, "no complete e-mail address"),
        ("new@example.org\r\nBcc: all@example.org", PASSWORD, "no complete e-mail address"),
    ],
)
def test_what_is_refused_sends_nothing(alice: Person, mails: Mails, new: str, password: str, said: str) -> None:
    answer = ask(alice, new, password)
    assert answer.status_code == 400
    assert said in answer.text
    assert new.split("\r")[0].casefold() in answer.text.casefold()
    assert mails() == []


def test_a_taken_address_is_answered_like_a_free_one(alice: Person, charlie: Person, mails: Mails) -> None:
    answers = []
    for email in (charlie.email, "nobody@example.org"):
        answer = ask(alice, email)
        page = re.sub(r'value="[^"]*"', "", alice.client.get("/account").text).replace(email, "")
        answers.append((answer.status_code, answer.location, page[: page.index("What happened")]))
    assert answers[0] == answers[1]


def test_who_has_the_address_already_is_told_and_gets_no_link(
    alice: Person, charlie: Person, mails: Mails, address_of: Callable[[Person], str]
) -> None:
    ask(alice, charlie.email)
    told = {mail.to: mail for mail in mails()}
    assert told[charlie.email].subject == "This address has an account at Waiter Caller"
    assert told[charlie.email].path == "/login"
    assert "Alice" not in told[charlie.email].text
    assert told[alice.email].path == "/forgot"
    assert address_of(charlie) == charlie.email


@pytest.mark.needs_wire
def test_an_address_that_was_taken_in_the_meantime_stays_with_who_has_it(
    app: Flask, alice: Person, mails: Mails, address_of: Callable[[Person], str]
) -> None:
    ask(alice, "new@example.org")
    alice.client.get(link_to("new@example.org", mails()))
    with app.app_context():
        users.create("new@example.org", "Mallory", "-", None)
    answer = alice.client.submit("/email")
    assert answer.status_code == 409
    assert "Yours keeps the old one" in answer.text
    assert address_of(alice) == "alice@example.org"
    assert alice.client.get("/account").status_code == 200
    assert mails() == []


def test_of_two_pending_changes_the_newest_wins(
    alice: Person, mails: Mails, address_of: Callable[[Person], str]
) -> None:
    ask(alice, "first@example.org")
    first = link_to("first@example.org", mails())
    ask(alice, "second@example.org")
    second = link_to("second@example.org", mails())
    answer = alice.client.get(first, follow_redirects=True)
    assert answer.status_code == 410
    assert "you have asked for another one since" in answer.text
    alice.client.get(second)
    alice.client.submit("/email")
    assert address_of(alice) == "second@example.org"
    assert alice.client.get(second, follow_redirects=True).status_code == 410


def test_a_mail_that_was_overtaken_is_not_sent(alice: Person, mails: Mails) -> None:
    ask(alice, "first@example.org")
    ask(alice, "second@example.org")
    assert [mail.to for mail in mails() if "/email/" in mail.path] == ["second@example.org"]


def test_the_link_ends_after_a_day(alice: Person, mails: Mails, later: Callable[..., None]) -> None:
    ask(alice, "new@example.org")
    path = link_to("new@example.org", mails())
    later(hours=25)
    assert alice.client.get(path, follow_redirects=True).status_code == 410
    later(hours=-25)
    assert alice.client.get(path, follow_redirects=True).status_code == 200


@pytest.mark.parametrize("path", ["/email", "/email/broken", "/email/a.b.c"])
def test_a_broken_link_says_so(client: Any, path: str) -> None:
    answer = client.get(path, follow_redirects=True)
    assert answer.status_code == 400
    assert "does not work" in answer.text


def test_a_link_of_another_kind_is_no_link_to_an_address(client: Any, alice: Person, mails: Mails) -> None:
    client.submit("/forgot", {"email": alice.email})
    ask(alice, "new@example.org")
    sent = mails()
    reset = next(mail.path for mail in sent if "/reset/" in mail.path).rsplit("/", 1)[1]
    change = link_to("new@example.org", sent).rsplit("/", 1)[1]
    assert client.get(f"/email/{reset}", follow_redirects=True).status_code == 400
    assert client.get(f"/reset/{change}", follow_redirects=True).status_code == 400


def test_six_mails_in_an_hour_are_too_many(alice: Person, mails: Mails) -> None:
    codes = [ask(alice, f"new{number}@example.org").status_code for number in range(6)]
    assert codes == [303] * 5 + [429]
    assert len(mails()) == 5 + 1  # the notices, and the one link that counts


def test_nobodys_mailbox_is_filled_by_several_accounts(alice: Person, charlie: Person, mails: Mails) -> None:
    answers = [ask(person, "dana@example.org").status_code for person in (alice, charlie) * 3]
    assert answers == [303] * 5 + [429]


# --- at the same moment -------------------------------------------------------------------------------------


def confirming(app: Flask, path: str) -> Callable[[], int]:
    """A browser that is about to confirm the address of this link with Alice's password."""
    browser = visit(app)
    browser.get(path)
    form = {"csrf_token": browser.csrf_token("/email"), "password": PASSWORD}
    return lambda: int(browser.post("/email", data=form).status_code)


@pytest.mark.needs_wire
def test_of_eight_confirmations_at_once_one_changes_the_address(
    app: Flask, alice: Person, mails: Mails, address_of: Callable[[Person], str]
) -> None:
    ask(alice, "new@example.org")
    path = link_to("new@example.org", mails())
    codes = at_once(*(confirming(app, path) for _ in range(8)))
    assert sorted(codes) == [303] + [410] * 7
    assert address_of(alice) == "new@example.org"
    assert [mail.to for mail in mails()] == ["alice@example.org"]


@pytest.mark.needs_wire
def test_confirming_and_asking_anew_at_once_leave_one_truth(
    app: Flask, alice: Person, mails: Mails, address_of: Callable[[Person], str]
) -> None:
    ask(alice, "first@example.org")
    confirm_first = confirming(app, link_to("first@example.org", mails()))
    form = {"csrf_token": alice.client.csrf_token("/account/email"), "email": "second@example.org"}
    asked = {**form, "password": PASSWORD}
    confirmed, _ = at_once(confirm_first, lambda: alice.client.post("/account/email", data=asked).status_code)
    # Either the confirmation was first and the address is changed, or the old one is still valid.
    assert (confirmed, address_of(alice)) in [(303, "first@example.org"), (410, "alice@example.org")]


@pytest.mark.needs_wire
def test_of_two_people_who_want_one_address_at_once_one_gets_it(
    app: Flask, alice: Person, charlie: Person, mails: Mails, address_of: Callable[[Person], str]
) -> None:
    works = []
    for person in (alice, charlie):
        ask(person, "wanted@example.org")
        works.append(confirming(app, link_to("wanted@example.org", mails())))
    assert sorted(at_once(*works)) == [303, 409]
    assert sorted([address_of(alice), address_of(charlie)])[1] == "wanted@example.org"


@pytest.mark.needs_wire
def test_a_change_that_fails_half_way_changes_nothing(
    app: Flask, alice: Person, mails: Mails, monkeypatch: pytest.MonkeyPatch, address_of: Callable[[Person], str]
) -> None:
    ask(alice, "new@example.org")
    alice.client.get(link_to("new@example.org", mails()))
    with monkeypatch.context() as patch:
        patch.setattr(logins, "end_all", lambda *_: 1 / 0)
        assert alice.client.submit("/email").status_code == 500
    assert address_of(alice) == "alice@example.org"
    assert mails() == []
    assert alice.client.submit("/email").status_code == 303
