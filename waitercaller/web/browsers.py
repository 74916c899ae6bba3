"""A browser in words, as far as it says what it is: enough for somebody to know their own again."""

import re

from flask_babel import gettext as _

# The first that matches counts: nearly all browsers also name those they want to be taken for.
BROWSERS = [
    ("Edge", r"Edg(e|A|iOS)?/"),
    ("Opera", r"OPR/|Opera"),
    ("Samsung Internet", r"SamsungBrowser/"),
    ("Firefox", r"Firefox/|FxiOS/"),
    ("Chrome", r"Chrome/|CriOS/|Chromium/"),
    ("Safari", r"Version/.* Safari/"),
]
SYSTEMS = [
    ("iPhone", r"iPhone"),
    ("iPad", r"iPad"),
    ("Android", r"Android"),
    ("ChromeOS", r"CrOS"),
    ("Windows", r"Windows"),
    ("Mac", r"Macintosh"),  # iPads say so, too, if they ask for the pages of computers
    ("Linux", r"Linux|X11"),
]


def in_words(user_agent: str) -> str:
    """For example "Firefox on Windows". Anybody can claim to be any browser; this is for recognising, not for trust."""
    browser, system = _first(BROWSERS, user_agent), _first(SYSTEMS, user_agent)
    if browser and system:
        return str(_("%(browser)s on %(system)s", browser=browser, system=system))
    return browser or (str(_("A browser on %(system)s", system=system)) if system else str(_("An unknown browser")))


def _first(names: list[tuple[str, str]], user_agent: str) -> str:
    return next((name for name, pattern in names if re.search(pattern, user_agent)), "")
