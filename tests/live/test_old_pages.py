"""A guest's page that stays open, as on a tablet on the table: it may call for as long as its stream is open."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.live.test_streams import Stream
from tests.requests.guest.test_page import Phone
from waitercaller.db import clock
from waitercaller.live import streams
from waitercaller.model.tables import Table
from waitercaller.requests.guest import links

OVER = links.PAGE_LIFETIME + timedelta(minutes=1)


@pytest.fixture
def tablet(watcher: Any, dana: FlaskClient, table: Table, monkeypatch: pytest.MonkeyPatch) -> Phone:
    """A page at table 7, without waiting for heartbeats."""
    monkeypatch.setattr(streams, "HEARTBEAT_SECONDS", 0.05)
    tablet = Phone(dana, table["code"])
    tablet.scan()
    return tablet


def live(phone: Phone, field: str) -> Stream:
    """The stream of a page with this form field."""
    return Stream(phone.client, f"/t/{phone.code}/live?form={field}")


def calls(phone: Phone, field: str) -> int:
    return phone.client.post(f"/t/{phone.code}/call", data={"form": field, "kind": "waiter"}).status_code


def test_a_new_field_comes_with_an_open_stream_and_calls(tablet: Phone, later: Any) -> None:
    field = tablet.form()["form"]
    stream = live(tablet, field)
    assert "form" not in stream.next()[1]  # the page is new
    later(seconds=OVER.total_seconds())
    event, data = stream.next()
    assert event == "ping"
    assert calls(tablet, field) == 409
    assert calls(tablet, data["form"]) == 303
    stream.close()


def test_a_stream_that_is_opened_again_goes_on_from_the_field_of_the_page(tablet: Phone, later: Any) -> None:
    field = tablet.form()["form"]
    for _hour in range(10):  # a stream lives for minutes, the page for ten hours
        later(hours=1, seconds=1)
        stream = live(tablet, field)
        field = stream.next()[1]["form"]
        stream.close()
    assert calls(tablet, field) == 303


def test_a_field_that_is_new_stays(tablet: Phone, later: Any) -> None:
    stream = live(tablet, tablet.form()["form"])
    later(minutes=59)
    assert all("form" not in stream.next()[1] for _event in range(3))
    stream.close()


@pytest.mark.parametrize("why", ["too old", "of another table", "forged", "missing"])
def test_a_page_that_comes_back_too_old_or_with_no_good_field_gets_none(
    app: Flask, tablet: Phone, table: Table, later: Any, why: str
) -> None:
    """One that was put away overnight must not call for the next guests."""
    field = {"forged": "x", "missing": ""}.get(why, tablet.form()["form"])
    if why == "of another table":
        with app.app_context():
            field = links.sign_form({**table, "_id": "another"})  # type: ignore[typeddict-item]
    later(seconds=OVER.total_seconds() if why == "too old" else 3 * 3600)
    stream = live(tablet, field)
    assert all("form" not in stream.next()[1] for _event in range(3))
    stream.close()
    if why == "too old":
        assert calls(tablet, field) == 409


def test_the_new_field_is_as_old_as_its_event(app: Flask, tablet: Phone, later: Any, table: Table) -> None:
    stream = live(tablet, tablet.form()["form"])
    later(hours=5)
    field = stream.next()[1]["form"]
    with app.test_request_context(query_string={"form": field}):
        issued = links.page_of_form(table)[1]
    assert issued is not None
    assert abs(clock.now() - issued) < timedelta(minutes=1)
    stream.close()
