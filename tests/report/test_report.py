"""The report, its CSV, and the history of today's calls."""

import csv
import io
import re
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.support.cast import device
from tests.support.past_calls import BOB, keep, past_call
from waitercaller.db import clock
from waitercaller.model import restaurants
from waitercaller.model.languages import STAFF_LANGUAGES
from waitercaller.model.restaurants import Restaurant
from waitercaller.model.rollups import store
from waitercaller.model.tables import Table
from waitercaller.report import views
from waitercaller.web import sheet

pytestmark = pytest.mark.moments

FORMULA = '=HYPERLINK("http://evil.example","Terrace")'


@pytest.fixture(autouse=True)
def at(monkeypatch: pytest.MonkeyPatch) -> datetime:
    """Freeze the clock at noon."""
    now = clock.now()
    noon = (now + timedelta(days=1)).replace(hour=12, minute=0, second=0, microsecond=0)
    monkeypatch.setattr(clock, "now", lambda: noon)
    return noon


@pytest.fixture
def called(app: Any, restaurant: Restaurant, table: Table) -> Any:
    """`called(past_call, …)`: insert these calls and update the rollups."""

    def kept(*requests: Any) -> None:
        with app.app_context():
            keep(app.extensions["mongo"].database, *requests)
            store.run_now()

    return kept


def text_of(html: str) -> str:
    """The text of a page's <main>."""
    main = re.sub(r"<svg.*?</svg>", "", html[html.index("<main") :], flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", main).split())


def rows_of(answer: Any) -> list[list[str]]:
    assert answer.mimetype == "text/csv"
    text = answer.get_data(as_text=True)
    assert text.startswith("\ufeff")
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))


def test_a_restaurant_without_calls_gets_an_explanation(alice):
    for path in ("/report", "/report?days=90"):
        answer = alice.client.get(f"{alice.home}{path}")
        assert answer.status_code == 200
        assert "No calls in this time" in answer.text
    assert len(rows_of(alice.client.get(f"{alice.home}/report.csv"))) == 1


def test_the_report_says_how_many_and_how_long(alice, restaurant, table, called, at):
    calls = [past_call(restaurant, table, at - timedelta(hours=1), accepted=wait) for wait in (31, 32, 33, 200)]
    given_up = past_call(restaurant, table, at - timedelta(hours=2), kind=1, state="cancelled", cancelled=20)
    called(*calls, given_up, past_call(restaurant, table, at - timedelta(days=10)))
    words = text_of(alice.client.get(f"{alice.home}/report?days=7").text)
    assert "Calls 5 " in words
    assert "Usual wait 0:33 " in words
    assert "In time 60% of all calls, within 2:00" in words
    assert "Not answered 1 1 of them called off by the guest" in words
    assert re.search(r"Waiter 4 0:33 3:\d\d 75% 0 0 Bill 1 – – 0% 1 1", words)
    assert re.search(rf"10:00 {at:%A} 1 – – 1 11:00 {at:%A} 4 0:33 3:\d\d 0", words)
    assert "before:" not in words  # the restaurant is younger than the days before
    assert "Calls 6 " in text_of(alice.client.get(f"{alice.home}/report?days=28").text)


def test_older_restaurants_compare_with_the_days_before(app, alice, restaurant, table, called, at):
    database = app.extensions["mongo"].database
    database.restaurants.update_one({"_id": restaurant["_id"]}, {"$set": {"created_at": at - timedelta(days=100)}})
    called(*(past_call(restaurant, table, at - timedelta(days=days, minutes=30)) for days in (0, 1, 1, 1)))
    restaurants.forget(restaurant["_id"])
    words = text_of(alice.client.get(f"{alice.home}/report?days=1").text)
    assert re.search(r"Calls 1 .* before: 3 ", words)
    assert re.search(r"11:00 1 0:3\d 0:3\d 100% 0 0 before 3 ", words)


def test_in_time_is_what_the_restaurant_calls_so(app, alice, restaurant, table, called, at):
    with app.app_context():
        restaurants.set_setting(restaurant["_id"], "escalation", {"nag": 20, "all_zones": 30, "alert": 60})
    called(*(past_call(restaurant, table, at - timedelta(hours=1), accepted=wait) for wait in (30, 90)))
    assert "In time 50% of all calls, within 1:00" in text_of(alice.client.get(f"{alice.home}/report").text)


def test_the_day_is_that_of_the_restaurant(app, alice, restaurant, table, called, at):
    """Noon UTC is 1 a.m. in Auckland: the restaurant's day has not ended."""
    app.extensions["mongo"].database.restaurants.update_one(
        {"_id": restaurant["_id"]}, {"$set": {"time_zone": "Pacific/Auckland"}}
    )
    restaurants.forget(restaurant["_id"])
    called(
        past_call(restaurant, table, at - timedelta(hours=8)), past_call(restaurant, table, at - timedelta(hours=21))
    )
    assert "Calls 1 " in text_of(alice.client.get(f"{alice.home}/report?days=1").text)
    assert "Calls 2 " in text_of(alice.client.get(f"{alice.home}/report?days=7").text)


def test_only_the_offered_days_are_shown(alice):
    for days in ("2", "x", "0", "36500", "-7", "٧"):
        assert alice.client.get(f"{alice.home}/report?days={days}").status_code == 404
        assert alice.client.get(f"{alice.home}/report.csv?days={days}").status_code == 404


def test_the_file_has_a_row_for_each_hour_zone_and_kind(alice, restaurant, table, called, at):
    hour = at - timedelta(hours=1)
    called(
        past_call(restaurant, table, hour),
        past_call(restaurant, table, hour),
        past_call(restaurant, table, hour, kind=2),
    )
    answer = alice.client.get(f"{alice.home}/report.csv?days=1")
    day = f"{at:%Y-%m-%d}"
    assert answer.headers["Content-Disposition"] == f"attachment; filename=waiter-caller-{day}-{day}.csv"
    titles, *rows = rows_of(answer)
    assert titles[:6] == ["Date", "Hour", "Zone", "Kind", "Calls", "Answered"]
    assert sorted(rows) == [
        [day, "11:00", "", "Waiter", "2", "2", "32", "34", "0", "0", "0", "0", "0", "0"],
        [day, "11:00", "", "Water", "1", "1", "32", "34", "0", "0", "0", "0", "0", "0"],
    ]


# How spreadsheets read CSV by the language of the machine: separator and decimal sign.
SPREADSHEETS = {"en": (",", "."), **dict.fromkeys(("de", "fr", "es", "it", "pt", "nl", "pl", "tr"), (";", ","))}


def test_the_spreadsheets_of_all_languages_are_known():
    assert SPREADSHEETS.keys() == set(STAFF_LANGUAGES)


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_file_opens_in_columns_in_a_spreadsheet_of_the_readers_language(
    app, alice, restaurant, table, called, at, language
):
    """A German one takes a file with commas for a single column."""
    zone = {"id": "z1", "name": "Bar, hinten; 2", "key": "bar"}
    app.extensions["mongo"].database.restaurants.update_one({"_id": restaurant["_id"]}, {"$set": {"zones": [zone]}})
    restaurants.forget(restaurant["_id"])
    house: Any = {**restaurant, "zones": [zone]}
    there: Any = {**table, "zone_id": "z1"}
    called(past_call(house, there, at - timedelta(hours=1), accepted=33))
    answer = alice.client.get(f"{alice.home}/report.csv", headers={"Accept-Language": language})
    separator, _decimal = SPREADSHEETS[language]
    text = answer.get_data(as_text=True).removeprefix("\ufeff")
    titles, row = csv.reader(io.StringIO(text), delimiter=separator)
    assert len(titles) == len(row) == 14
    assert row[0] == f"{at:%Y-%m-%d}"  # ISO 8601 is a date in all of them
    assert row[2] == "Bar, hinten; 2"
    assert all(cell.isdigit() for cell in row[4:])
    assert ("Datum" in titles) == (language == "de")


def test_a_number_with_a_fraction_is_written_as_its_reader_writes_it():
    for language, (separator, decimal) in SPREADSHEETS.items():
        text = sheet.to_csv([[1234.5, 7, -0.25, 3.0]], language)
        assert text.strip() == separator.join([f"1234{decimal}5", "7", f"-0{decimal}25", "3"]), language


@pytest.mark.parametrize("name", [FORMULA, "+1", "-1", "@SUM(A1)", "\t=1", "＝1"])
def test_no_name_becomes_a_formula(app, alice, restaurant, table, called, at, name):
    zone = {"id": "z1", "name": name, "key": name}
    app.extensions["mongo"].database.restaurants.update_one({"_id": restaurant["_id"]}, {"$set": {"zones": [zone]}})
    restaurants.forget(restaurant["_id"])
    house: Any = {**restaurant, "zones": [zone]}
    there: Any = {**table, "zone_id": "z1"}
    called(past_call(house, there, at - timedelta(hours=1)))
    [_, row] = rows_of(alice.client.get(f"{alice.home}/report.csv"))
    assert row[2] == f"'{name}"


@pytest.mark.parametrize("language", SPREADSHEETS)
@pytest.mark.parametrize("name", ["Bar;=1+1", "Bar; @SUM(A1)", 'Bar;"-1"', "Bar,=1+1", 'Bar, "-1"'])
def test_no_part_of_a_name_becomes_a_formula_where_another_sign_parts_cells(name, language):
    separator, _decimal = SPREADSHEETS[language]
    text = sheet.to_csv([[name, "Bar; 2"]], language)
    [row] = csv.reader(io.StringIO(text), delimiter=separator)
    assert not re.search(r'[;,][\s"]*[=+@-]', row[0])
    assert (row[0].replace("'", ""), row[1]) == (name, "Bar; 2")


def test_the_calls_are_a_file_too_without_names_of_the_staff(alice, restaurant, table, called, at):
    bill = past_call(restaurant, table, at - timedelta(hours=1), kind=1, alerted=20.5, accepted=31.5, resolved=90)
    bill.update(choice="card", choice_labels={"en": "Card", "de": "Karte"}, table_name="=1+1", note="Dana was here")
    old = past_call(restaurant, table, at - timedelta(days=3), kind=2, state="cancelled", cancelled=20)
    called(bill, old)
    answer = alice.client.get(f"{alice.home}/report/calls.csv?days=7")
    assert answer.is_streamed
    titles, first, last = rows_of(answer)
    day, outcome = f"{at:%Y-%m-%d}", {"resolved": "done", "cancelled": "called off"}
    assert last == [day, "11:00:00", "'=1+1", "", "Bill", "Card", outcome["resolved"], "31.5", "90", "0", "1", "0", "0"]
    assert first[6:9] == [outcome["cancelled"], "", "20"]
    assert len(titles) == len(last)
    assert BOB["name"] not in answer.text
    assert "Dana" not in answer.text
    german = alice.client.get(f"{alice.home}/report/calls.csv", headers={"Accept-Language": "de"}).text
    assert ";Karte;erledigt;31,5;90;" in german


def test_a_call_counts_at_once(app, alice, restaurant, table, at):
    """Before the next round of the job that counts: what is young is counted when it is asked for."""
    with app.app_context():
        for minutes in (1, 50, 200):  # the oldest waits for the round
            app.extensions["mongo"].database.requests.insert_one(
                past_call(restaurant, table, at - timedelta(minutes=minutes))
            )
    assert "Calls 2 " in text_of(alice.client.get(f"{alice.home}/report?days=7").text)
    with app.app_context():
        store.run_now()
    assert "Calls 3 " in text_of(alice.client.get(f"{alice.home}/report?days=7").text)


def test_pictures_have_texts_and_their_figures_are_in_tables(alice, restaurant, table, called, at):
    called(past_call(restaurant, table, at - timedelta(hours=1), accepted=150))
    page = alice.client.get(f"{alice.home}/report?days=28").text
    drawn = re.findall(r"<svg[^>]*>", page[page.index("<main") :])
    assert all('aria-hidden="true"' in each or 'role="img" aria-label="' in each for each in drawn)
    assert sum('role="img"' in each for each in drawn) == 4
    assert page.count("<details") - page.count('<details class="menu"') == page.count("<table>") == 2
    assert 'class="heat-late"' in page  # 2:30 is later than the managers are told


def test_everybody_reads_their_own_figures_and_nobody_those_of_others(app, alice, bob, restaurant, table, called, at):
    hour = timedelta(hours=1)
    by = {"id": bob.member_id, "name": "Bob"}
    calls = [past_call(restaurant, table, at - hour, accepted=wait, resolved=200) for wait in (20, 40, 60)]
    calls.append(past_call(restaurant, table, at - hour, state="dismissed", accepted=50, dismissed=60))
    for call in calls[:2] + calls[3:]:
        call["steps"] = [{**step, "by": by} if step["by"] else step for step in call["steps"]]
    called(*calls)
    words = text_of(bob.client.get(f"{bob.home}/my-calls?days=1").text)
    assert "I went to 3 of 4 calls in all" in words
    assert "My usual wait 0:40 " in words
    assert "Done 2 " in words
    assert "Nobody there 1 " in words
    assert "I went to 0 of 4 calls" in text_of(alice.client.get(f"{alice.home}/my-calls").text)
    assert device(app, alice).get(f"{alice.home}/my-calls").status_code == 403
    assert "Bob" not in text_of(alice.client.get(f"{alice.home}/report").text)


def test_zones_that_are_gone_keep_their_name(alice, restaurant, table, called, at):
    gone: Any = {**restaurant, "zones": [{"id": "z9", "name": "Roof <b>garden</b>"}]}
    there: Any = {**table, "zone_id": "z9"}
    called(
        past_call(gone, there, at - timedelta(hours=1)),
        past_call(restaurant, table, at - timedelta(hours=2)),
    )
    page = alice.client.get(f"{alice.home}/report").text
    assert "Roof &lt;b&gt;garden&lt;/b&gt;" in page
    assert "Without a zone" in page


# --- the history of the day ---------------------------------------------------------------------------------


def test_the_history_says_who_called_who_came_and_how_long_it_took(bob, restaurant, table, called, at):
    hour = timedelta(hours=1)
    bar: Any = {**table, "name": "Bar"}
    waiting = past_call(restaurant, table, at - timedelta(minutes=3), called=0)
    waiting.update(state="waiting", live=True, ended_at=None, reminders=2, next_step="repeated", due_at=at)
    bill = past_call(restaurant, table, at - 3 * hour, kind=1, nagged=40, alerted=120, accepted=130, resolved=200)
    bill.update(choice="card", choice_labels={"en": "Card"})
    called(
        waiting,
        bill,
        past_call(restaurant, table, at - 4 * hour, kind=2, state="cancelled", cancelled=20),
        past_call(restaurant, bar, at - 5 * hour, state="dismissed", accepted=50, dismissed=60),
        past_call(restaurant, table, at - 9 * hour),  # three in the morning: still yesterday
    )
    page = bob.client.get(f"{bob.home}/history").text
    words = text_of(page)
    assert "Table 7 · Waiter waited 3:00 Still waiting · reminded 2 times" in words
    assert "Table 7 · Bill (Card) waited 2:10 Bob came, done after 3:20 · managers alerted" in words
    assert "Table 7 · Water waited 0:20 Called off by the guest" in words
    assert "Bar · Waiter waited 0:50 Bob found nobody there" in words
    assert page.count("<time>") == 4


def test_people_who_have_left_have_no_name(bob, restaurant, table, called, at):
    call = past_call(restaurant, table, at - timedelta(hours=1))
    nobody = {"id": "", "name": ""}
    call.update(by=nobody, steps=[{**step, "by": step["by"] and nobody} for step in call["steps"]])
    called(call)
    assert "Somebody came" in bob.client.get(f"{bob.home}/history").text


def test_a_call_that_was_passed_on_shows_the_member_who_took_it(bob, restaurant, table, called, at):
    call = past_call(restaurant, table, at - timedelta(hours=1), passed=30, resolved=60)
    call.update(by={"id": "kim", "name": "Kim"})
    called(call)
    assert "Kim came" in bob.client.get(f"{bob.home}/history").text


def test_a_long_day_has_further_pages(monkeypatch, bob, restaurant, table, called, at):
    monkeypatch.setattr(views, "CALLS_PER_PAGE", 2)
    called(*(past_call(restaurant, table, at - timedelta(hours=hour), kind=hour % 3) for hour in (1, 2, 3)))
    first = bob.client.get(f"{bob.home}/history").text
    [further] = re.findall(r'href="([^"]+before=\d+)"', first)
    second = bob.client.get(further).text
    assert (first.count("<time>"), second.count("<time>")) == (2, 1)
    assert "before=" not in second
    for before in ("x", "-1", "99999999999999", "٣"):
        assert bob.client.get(f"{bob.home}/history?before={before}").status_code == 404


def test_the_screen_on_the_counter_shows_the_history_and_not_the_report(app, alice, restaurant, table, called, at):
    called(past_call(restaurant, table, at - timedelta(hours=1), state="resolved"))
    counter = device(app, alice)
    assert BOB["name"] in counter.get(f"{alice.home}/history").text
    assert counter.get(f"{alice.home}/report").status_code == 403


def test_nobody_sees_the_calls_of_another_restaurant(alice, charlie, restaurant, table, called, at):
    called(past_call(restaurant, table, at - timedelta(hours=1)))
    assert "No calls yet today" in charlie.client.get(f"{charlie.home}/history").text
    assert "No calls in this time" in charlie.client.get(f"{charlie.home}/report").text
    assert charlie.client.get(f"{alice.home}/history").status_code == 404


def test_pages_read_and_change_nothing(app, alice, restaurant, table, called, at):
    called(past_call(restaurant, table, at - timedelta(hours=1)))
    database = app.extensions["mongo"].database
    before = [list(database[name].find()) for name in ("requests", "rollups", "jobs")]
    for path in ("report", "report.csv", "report/calls.csv", "my-calls", "history"):
        alice.client.get(f"{alice.home}/{path}")
    assert [list(database[name].find()) for name in ("requests", "rollups", "jobs")] == before
