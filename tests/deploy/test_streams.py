"""A thousand open streams through Apache with mpm.conf: responsiveness, reload, restart of gunicorn."""

import time
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.support.cast import hire, wait_until
from tests.support.deploy.apache import DOMAIN
from tests.support.deploy.guests import Guest
from tests.support.deploy.screens import Screen, Screens
from tests.support.deploy.site import Site
from waitercaller.model import tables
from waitercaller.model.tables import Table

TABLES = 50
SCREENS_PER_TABLE = 20
TOTAL_SCREENS = TABLES * SCREENS_PER_TABLE
OVER_HTTP_2 = 2 * TABLES  # they fit into the existing children: see mpm.conf
LIVE_WITHIN_SECONDS = 180.0  # on a slow machine
SLOT_SECONDS = 0.25


@pytest.fixture(scope="module")
def large_restaurant(shared_site: Site) -> Iterator[list[Table]]:
    """The tables of a large restaurant."""
    alice = hire(shared_site.app, "Alice", restaurant="Trattoria Lucia")
    with shared_site.app.app_context():
        tables.add_many(alice.restaurant_id, [str(number) for number in range(1, TABLES + 1)], None)
        found = tables.of_restaurant(alice.restaurant_id)
    yield found
    shared_site.empty()


def test_browsers_hold_theirs_over_http_2(shared_site: Site, large_restaurant: list[Table]) -> None:
    code = large_restaurant[0]["code"]
    each = [Screen(f"/t/{table['code']}/live", "127.0.0.1", http2=True) for table in large_restaurant for _ in range(2)]
    screens = Screens(shared_site.apache.https, shared_site.apache.trust, each)
    screens.open()
    try:
        all_live(screens)
        call(shared_site, code, screens)
        assert screens.live == OVER_HTTP_2
        refused_only_for_now(screens)
    finally:
        screens.close()


def all_live(screens: Screens) -> None:
    """Wait until all are live."""
    deadline = time.monotonic() + LIVE_WITHIN_SECONDS
    while screens.live < len(screens.screens):
        assert time.monotonic() < deadline, str(screens)
        time.sleep(0.1)


def call(site: Site, code: str, screens: Screens) -> None:
    """A guest calls from this table; wait until all its screens show it."""
    guest = Guest(code, site.visit)
    guest.look()
    seen = [screen for screen in screens.screens if code in screen.path]
    before = [screen.events["state"] for screen in seen]
    assert guest.call() == 303
    wait_until(lambda: all(screen.events["state"] > many for screen, many in zip(seen, before, strict=True)))


@pytest.fixture(scope="module")
def screens(large_restaurant: list[Table], shared_site: Site) -> Iterator[Screens]:
    """All screens, live."""
    paths = [f"/t/{table['code']}/live" for table in large_restaurant for _ in range(SCREENS_PER_TABLE)]
    # From ten addresses, because of the limit per address.
    each = [Screen(path, f"127.0.0.{2 + number % 10}") for number, path in enumerate(paths)]
    screens = Screens(shared_site.apache.https, shared_site.apache.trust, each)
    screens.open()
    try:
        all_live(screens)
        yield screens
    finally:
        screens.close()


def refused_only_for_now(screens: Screens) -> None:
    """A busy machine, or one that restarts, answers 503 or late: the screen comes back. No other failure is seen."""
    assert set(screens.refused) <= {"503", "TimeoutError"}, screens.refused


def test_while_they_are_open_pages_answer_and_a_call_reaches_its_table(
    shared_site: Site, screens: Screens, large_restaurant: list[Table]
) -> None:
    assert Counter(shared_site.visit("/login").status for _ in range(50)) == {200: 50}
    call(shared_site, large_restaurant[6]["code"], screens)
    assert screens.live == TOTAL_SCREENS
    refused_only_for_now(screens)


def test_a_reload_of_apache_leaves_them_alone_and_there_is_room_for_more(shared_site: Site, screens: Screens) -> None:
    ended = sum(screen.events["bye"] for screen in screens.screens)
    for _ in range(2):
        shared_site.apache.reload()
        assert Counter(shared_site.visit("/login").status for _ in range(20)) == {200: 20}
    with shared_site.connect() as connection:
        assert connection.ask(screens.screens[0].path, {"Host": DOMAIN}).status == 200
    assert screens.live == TOTAL_SCREENS
    refused_only_for_now(screens)
    assert sum(screen.events["bye"] for screen in screens.screens) == ended


def test_when_gunicorn_restarts_all_come_back_spread_out(shared_site: Site, screens: Screens) -> None:
    shared_site.gunicorn.stop()
    wait_until(lambda: screens.live == 0)
    shared_site.gunicorn.start()
    all_live(screens)
    assert all(screen.events["bye"] for screen in screens.screens)  # each stream got a "bye"
    told = Counter(int(screen.returns_at / SLOT_SECONDS) for screen in screens.screens)
    assert max(told.values()) < TOTAL_SCREENS / 10, sorted(told.items())  # to come back at different times
    refused_only_for_now(screens)
    assert shared_site.visit("/login").status == 200
