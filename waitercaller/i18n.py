"""Languages: which one a visitor reads, and the addresses of the others."""

import unicodedata
from datetime import datetime

from flask import Flask, request
from flask_babel import Babel, format_date, format_time, get_locale
from flask_babel import gettext as _

# What a guest's page can be read in, and, of these, what all the other pages can.
LANGUAGES = {
    "en": "English",
    "de": "Deutsch",
    "fr": "Français",
    "es": "Español",
    "it": "Italiano",
    "pt": "Português",
    "nl": "Nederlands",
    "pl": "Polski",
    "tr": "Türkçe",
    "ar": "العربية",
    "ja": "日本語",
    "zh": "中文",
}
STAFF_LANGUAGES = ("en", "de")
RIGHT_TO_LEFT = {"ar", "fa", "he", "ur"}
DEFAULT_LANGUAGE = "en"


def init_app(app: Flask) -> None:
    Babel(
        app, default_locale=DEFAULT_LANGUAGE, locale_selector=_preferred, default_translation_directories="translations"
    )
    app.jinja_env.filters.update(day=format_date, moment=moment, table_title=table_title)
    app.context_processor(
        lambda: {"language": current_language(), "text_direction": text_direction(current_language())}
    )


def current_language() -> str:
    """The code of the language that this answer is written in."""
    locale = get_locale()
    return locale.language if locale else DEFAULT_LANGUAGE


def text_direction(language: str) -> str:
    """'rtl' or 'ltr'."""
    return "rtl" if language in RIGHT_TO_LEFT else "ltr"


def moment(at: datetime) -> str:
    """A date and a time of day for people whose time zone we do not know, so it says which it is."""
    return f"{format_date(at)}, {format_time(at, 'short')} UTC"


def in_language(texts: dict[str, str], language: str) -> str:
    """The text in this language, else in English, else in any."""
    return texts.get(language) or texts.get(DEFAULT_LANGUAGE) or next(iter(texts.values()), "")


def table_title(name: str) -> str:
    """What a table is called in a sentence: “Table 7”, where its name is but a number."""
    return str(_("Table %(name)s", name=name)) if name.isdecimal() else name


def alphabetical(name: str) -> str:
    """What to sort names by: capitals and accents make no difference."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _preferred() -> str:
    offered = tuple(LANGUAGES) if request.path.casefold().startswith("/t/") else STAFF_LANGUAGES
    asked = request.args.get("lang", "")
    if asked in offered:
        return asked
    return request.accept_languages.best_match(offered) or DEFAULT_LANGUAGE
