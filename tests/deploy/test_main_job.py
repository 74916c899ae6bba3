"""The main job of the product, in real browsers, through Apache with HTTP/2 and TLS."""

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser import test_main_job as main_job
from tests.support.browser import executable, launch
from tests.support.deploy.apache import DOMAIN
from tests.support.deploy.site import Site
from tests.support.visitors import TIMEOUT_MS, Visitors
from tests.support.website import Website

pytestmark = pytest.mark.browser


@pytest.fixture
def chromium() -> Iterator[Browser]:
    if executable() is None:
        pytest.skip("Chromium is missing: sudo apt-get install chromium")
    with sync_playwright() as playwright:
        expect.set_options(timeout=TIMEOUT_MS)
        # The certificate is self-signed; the service worker's script is fetched outside of the page's context.
        browser = launch(playwright, f"--host-resolver-rules=MAP {DOMAIN} 127.0.0.1", "--ignore-certificate-errors")
        yield browser
        browser.close()


class OverHttps(Visitors):
    """Visitors that record the HTTP version of responses."""

    def come(self, **options: object) -> Page:
        page = super().come(**options)
        page.on("response", lambda response: self.schemes.add(response.url.partition(":")[0]))
        self.pages.append(page)
        return page

    schemes: set[str]
    pages: list[Page]


def test_from_registration_to_a_call_that_is_done_on_all_screens(site: Site, chromium: Browser, tmp_path: Path) -> None:
    website = cast(Website, site)  # it has the attributes that the test uses
    visitors = OverHttps(website, chromium)
    visitors.schemes, visitors.pages = set(), []
    main_job.test_from_registration_to_a_call_that_is_done_on_all_screens(website, visitors, tmp_path)
    spoken = "performance.getEntries().map(entry => entry.nextHopProtocol).filter(Boolean)"
    protocols = {protocol for page in visitors.pages for protocol in page.evaluate(spoken)}
    visitors.leave()
    assert (visitors.schemes, protocols) == ({"https"}, {"h2"})
