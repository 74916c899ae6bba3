"""Rules for every page: names are escaped, no horizontal scrolling, touch targets are large enough."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from playwright.sync_api import Locator, Page, expect

from tests.support import timeshift
from tests.support.cast import Person
from tests.support.visitors import Visitors, is_waiting, press
from waitercaller.model import restaurants, tables
from waitercaller.model.requests import transitions as requests
from waitercaller.model.tables import Table

pytestmark = pytest.mark.browser

HOSTILE = '"><svg onload=alert(1)>'
DARK = pytest.param("dark", marks=pytest.mark.chromium_only("Firefox ESR cannot emulate dark colours"))
PHONE = {"width": 360, "height": 740}
TARGET = 48  # CSS pixels, width and height of a touch target


@pytest.fixture
def mallory(hire: Callable[..., Person]) -> Person:
    """Mallory owns a restaurant; her name, its name and those of its tables contain markup."""
    return hire("Mallory", restaurant=HOSTILE)


@pytest.fixture
def busy(app: Flask, mallory: Person) -> list[Table]:
    """Mallory's tables in two zones, each with a call of every kind; one card is accepted, one call just ended."""
    by: restaurants.Actor = {"id": mallory.member_id, "name": HOSTILE}
    with app.app_context():
        restaurant_id = mallory.restaurant_id
        app.extensions["mongo"].database.restaurants.update_one(
            {"_id": restaurant_id}, {"$set": {"members.0.name": HOSTILE}}
        )
        app.extensions["mongo"].database.users.update_one({"_id": mallory.user_id}, {"$set": {"name": HOSTILE}})
        for zone, name in ((HOSTILE, HOSTILE), ("Terrace", "A table with a long name by the window")):
            tables.add_many(restaurant_id, [name, f"{name[:30]} 2"], restaurants.ensure_zone(restaurant_id, zone))
        restaurant, laid = restaurants.get(restaurant_id), tables.of_restaurant(restaurant_id)
        assert restaurant is not None
        opened = [
            requests.open_request(restaurant, table, kind, f"a key {kind['id']}")
            for table in laid
            for kind in restaurant["kinds"]
        ]
        requests.accept(restaurant_id, [opened[0]["_id"]], by)
        requests.resolve(restaurant_id, [opened[-1]["_id"]], by)
    return laid


def everywhere(page: Page, owner: Person, laid: list[Table]) -> Iterator[str]:
    """Open every page, logged in as `owner`; the public pages come last."""
    tables_pages = ["tables", f"tables/{laid[0]['_id']}", "tables/print"]
    staff = ["dashboard", *tables_pages, "staff", "staff/history"]
    staff += ["report", "my-calls", "history", "enter"]
    staff += [
        "settings",
        *(
            f"settings/{each}"
            for each in ("opening", "house", "face", "kinds", "kinds/bill", "zones", "attention", "webhook", "keeping")
        ),
    ]
    own = ["", "/email", "/password", "/sessions", "/two-factor", "/verify", "/delete"]
    guest = [f"/t/{table['code']}" for table in laid[:2]]
    nobody = ["/", "/login", "/register", "/registered", "/forgot", "/forgot/sent", "/confirm", "/reset", "/nothing"]
    for path in [*(f"{owner.home}/{each}" for each in staff), *(f"/account{each}" for each in own), *guest]:
        page.goto(path)
        yield path
    page.context.clear_cookies()
    for path in nobody:
        page.goto(path)
        yield path


@pytest.mark.chromium_only("the server escapes them")
def test_names_are_text_everywhere(visitors: Visitors, mallory: Person, busy: list[Table]) -> None:
    visitors.tolerate("status of 404", "status of 400")  # pages opened without their token
    page = visitors.logged_in(mallory)
    seen = 0
    for path in everywhere(page, mallory, busy):
        seen += page.get_by_text(HOSTILE).count()
        assert page.locator("svg[onload]").count() == 0, path
    assert seen > 8
    # Fragments rendered by scripts are escaped, too.
    dashboard, guest = visitors.dashboard(mallory), visitors.come()
    guest.goto(f"/t/{busy[0]['code']}")
    dashboard.get_by_role("button", name="I’m going").first.click()
    expect(dashboard.locator(".toast-note")).to_contain_text(HOSTILE)
    press(guest, "Some water Called — remind them")
    expect(dashboard.locator("article.table-card")).to_have_count(len(busy))
    for drawn in (dashboard, guest):
        assert drawn.locator("svg[onload]").count() == 0


@pytest.mark.parametrize("scheme", ["light", DARK])
def test_no_page_scrolls_sideways_on_a_small_phone(
    visitors: Visitors, mallory: Person, busy: list[Table], scheme: str
) -> None:
    visitors.tolerate("status of 404", "status of 400")
    page = visitors.logged_in(mallory, viewport=PHONE, color_scheme=scheme)
    too_wide = []
    for path in everywhere(page, mallory, busy):
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > PHONE["width"]:
            too_wide.append(f"{path}: {width} px")
    assert not too_wide


def too_small(targets: Locator) -> list[str]:
    """The visible targets that are smaller than TARGET."""
    small = []
    for target in targets.all():
        box = target.bounding_box() if target.is_visible() else None
        if box and (round(box["width"]) < TARGET or round(box["height"]) < TARGET) and box["width"] > 1:
            small.append(f"{target.inner_text()!r}: {box['width']:.0f} × {box['height']:.0f}")
    return small


@pytest.mark.chromium_only("it asks the page for each button, which takes Firefox 20 s")
def test_fingers_find_what_they_aim_at(visitors: Visitors, mallory: Person, busy: list[Table], dana: Page) -> None:
    targets = "button, a:not(.skip), summary"
    press(dana, "Call a waiter")
    is_waiting(dana)
    assert not too_small(dana.locator(targets))
    dana.locator(".languages summary").click()
    assert not too_small(dana.locator(targets))
    for viewport in (PHONE, {"width": 1024, "height": 768}):
        dashboard = visitors.dashboard(mallory, viewport=viewport)
        dashboard.locator("#recent summary").click()
        dashboard.locator(".more summary").first.click()
        assert not too_small(dashboard.locator(targets))


def test_visitors_notice_what_pages_complain_about(visitors: Visitors) -> None:
    page = visitors.come()
    page.goto("/")
    page.evaluate("""async () => {
        const script = document.createElement("script");
        script.textContent = "alert(1)";
        document.body.append(script);
        setTimeout(() => { throw new Error("uncaught") });
        await new Promise((done) => setTimeout(() => done(alert("a dialog"))));
    }""")
    complaints, visitors.complaints = "\n".join(visitors.complaints), []
    assert "violates the following" in complaints  # the policy
    assert "uncaught" in complaints
    assert "dialog" in complaints


def test_a_moved_run_moves_the_clock_of_browsers(visitors: Visitors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(timeshift.OFFSET, str(3 * 366 * 24 * 3600))
    moved, real = visitors.come(), visitors.browser.new_context().new_page()
    moved.goto("/")
    before = real.evaluate("Date.now()")
    read = "[Date.now(), +new Date(), Date.parse(Date()) + 1000, Date.UTC(2000, 1, 29), +new Date(0)]"
    now, new, words, parsed, epoch = moved.evaluate(read)
    ahead = 3 * 366 * 24 * 3600 * 1000
    assert all(before <= each - ahead <= before + 3600_000 for each in (now, new, words))
    assert (parsed, epoch) == (951_782_400_000, 0)
    assert moved.evaluate("new Date() instanceof Date && new Date().constructor === Date")
    real.context.close()
