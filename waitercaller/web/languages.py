"""Choice of the language of a response, and template filters for dates."""

from datetime import datetime

from flask import Flask, request
from flask_babel import Babel, format_date, format_time, get_locale

from waitercaller.model.languages import DEFAULT_LANGUAGE, LANGUAGES, STAFF_LANGUAGES, table_title, text_direction


def init_app(app: Flask) -> None:
    Babel(
        app, default_locale=DEFAULT_LANGUAGE, locale_selector=_preferred, default_translation_directories="translations"
    )
    app.jinja_env.filters.update(day=format_date, utc_time=utc_time, table_title=table_title)
    app.context_processor(
        lambda: {"language": current_language(), "text_direction": text_direction(current_language())}
    )


def current_language() -> str:
    """The code of the language of this response."""
    locale = get_locale()
    return locale.language if locale else DEFAULT_LANGUAGE


def utc_time(at: datetime) -> str:
    """Date and time of day in UTC, for people whose time zone is unknown."""
    return f"{format_date(at)}, {format_time(at, 'short')} UTC"


def _preferred() -> str:
    offered = tuple(LANGUAGES) if request.path.casefold().startswith("/t/") else STAFF_LANGUAGES
    asked = request.args.get("lang", "")
    if asked in offered:
        return asked
    return request.accept_languages.best_match(offered) or DEFAULT_LANGUAGE
