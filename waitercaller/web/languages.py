"""Choice of the language of a response, and template filters for dates and times."""

from collections.abc import Sequence
from datetime import datetime

from flask import Flask, g, request
from flask_babel import Babel, format_date, format_time, get_locale, refresh
from werkzeug.datastructures import LanguageAccept

from waitercaller.model.languages import DEFAULT_LANGUAGE, LANGUAGES, STAFF_LANGUAGES, table_title, text_direction
from waitercaller.web.routing import is_for_guests


def init_app(app: Flask) -> None:
    Babel(
        app, default_locale=DEFAULT_LANGUAGE, locale_selector=_preferred, default_translation_directories="translations"
    )
    app.jinja_env.filters.update(day=format_date, utc_time=utc_time, machine_time=machine_time)
    app.jinja_env.filters.update(table_title=table_title, waiting_time=waiting_time)
    app.context_processor(
        lambda: {"language": current_language(), "text_direction": text_direction(current_language())}
    )


def current_language() -> str:
    """The code of the language of this response."""
    locale = get_locale()
    return locale.language if locale else DEFAULT_LANGUAGE


def offer(languages: Sequence[str]) -> None:
    """Answer this HTTP request in one of these languages, a restaurant's; the first is the default."""
    g.offered_languages = languages
    refresh()


def asked_language() -> str | None:
    """The language chosen on the page (`?lang=`), if it is offered; otherwise the browser's preference decides."""
    asked = request.args.get("lang")
    return asked if asked in _offered() else None


def negotiated(preferred: LanguageAccept, offered: Sequence[str]) -> str:
    """The language to answer in; the first one offered if none is wanted.

    "Lookup" of RFC 4647: by quality, and each tag is shortened to its base before the next one counts. (Werkzeug's
    best_match prefers an exact tag of lower quality: French with English as the second choice would be English.)
    """
    refused = {tag.casefold() for tag, quality in preferred if not quality}
    acceptable = [each for each in offered if each not in refused]
    for tag, quality in preferred:
        subtags = tag.casefold().replace("_", "-").split("-") if quality else []
        for length in range(len(subtags), 0, -1):
            if (shortened := "-".join(subtags[:length])) in acceptable:
                return shortened
        if tag == "*" and quality and acceptable:
            return acceptable[0]
    return offered[0]


def utc_time(at: datetime) -> str:
    """Date and time of day in UTC, for people whose time zone is unknown."""
    return f"{format_date(at)}, {format_time(at, 'short')} UTC"


def machine_time(at: datetime) -> str:
    """The value of an HTML attribute `datetime`, which takes at most three digits after the seconds."""
    return at.isoformat(timespec="milliseconds")


def waiting_time(milliseconds: int) -> str:
    """A waiting time as "4:12", or "1:04:12" from one hour on. Must agree with spell() in static/js/clock.js."""
    minutes, seconds = divmod(max(milliseconds // 1000, 0), 60)
    return f"{minutes}:{seconds:02}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"


def _preferred() -> str:
    return asked_language() or negotiated(request.accept_languages, _offered())


def _offered() -> Sequence[str]:
    """Those of the restaurant, where it is known."""
    usual = tuple(LANGUAGES) if is_for_guests() else STAFF_LANGUAGES
    found: Sequence[str] = g.get("offered_languages", usual)
    return found
