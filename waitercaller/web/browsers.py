"""A readable name of a browser, from its User-Agent, by which people recognise their own logins."""

import re

from flask_babel import gettext as _

# The first match counts: most User-Agents also name other browsers, for compatibility.
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
    ("Mac", r"Macintosh"),  # also iPads that request desktop pages
    ("Linux", r"Linux|X11"),
]


def in_words(user_agent: str) -> str:
    """For example "Firefox on Windows". A User-Agent can be forged: for display only."""
    browser, system = _first(BROWSERS, user_agent), _first(SYSTEMS, user_agent)
    if browser and system:
        return str(_("%(browser)s on %(system)s", browser=browser, system=system))
    return browser or (str(_("A browser on %(system)s", system=system)) if system else str(_("An unknown browser")))


def _first(names: list[tuple[str, str]], user_agent: str) -> str:
    return next((name for name, pattern in names if re.search(pattern, user_agent)), "")
