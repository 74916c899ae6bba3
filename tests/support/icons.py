"""Renders the app's icons from static/icons/favicon.svg: python -m tests.support.icons"""

import base64
import re

from playwright.sync_api import Browser, sync_playwright

from tests.support import ROOT
from tests.support.browser import launch

FOLDER = ROOT / "static/icons"


def drawings() -> dict[str, tuple[int, str]]:
    """Each file's size in pixels and its SVG."""
    mark = (FOLDER / "favicon.svg").read_text("utf-8")
    found = re.search(r'(<path d="[^"]+")', mark)
    ground = re.search(r'fill="(#[0-9a-f]{6})"', mark)
    assert found
    assert ground
    bell = f'{found[1]} fill="none" stroke="#fff" stroke-width="1.7" stroke-linecap="round" stroke-linejoin="round"/>'
    square = f'<rect width="24" height="24" fill="{ground[1]}"/>'
    # Maskable icons may be cropped to a circle of 80 % of the width; the bell stays inside.
    small = f'<g transform="translate(12 12) scale(.9) translate(-12 -12)">{bell}</g>'
    badge = f'<g transform="translate(12 12) scale(1.5) translate(-12 -12)">{bell}</g>'
    return {
        "app-192.png": (192, mark),
        "app-512.png": (512, mark),
        "app-maskable-512.png": (512, _svg(square + small)),
        "app-apple-180.png": (180, _svg(square + bell)),
        "badge-96.png": (96, _svg(badge)),  # systems use only its alpha channel
    }


def draw(browser: Browser, size: int, svg: str) -> bytes:
    """Render as PNG with a transparent background."""
    page = browser.new_page(viewport={"width": size, "height": size})
    page.set_content(
        f"<style>body {{ margin: 0 }} svg {{ display: block; width: {size}px; height: {size}px }}</style>{svg}"
    )
    picture = page.screenshot(omit_background=True)
    page.close()
    return picture


def base64_of(picture: bytes) -> str:
    return base64.b64encode(picture).decode()


def _svg(content: str) -> str:
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24">{content}</svg>'


def main() -> None:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        for name, (size, svg) in drawings().items():
            (FOLDER / name).write_bytes(draw(browser, size, svg))
        browser.close()


if __name__ == "__main__":
    main()
