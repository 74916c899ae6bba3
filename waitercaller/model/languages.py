"""The languages offered to guests and staff, and texts in several languages."""

import unicodedata

from flask_babel import gettext as _

# Languages of the guests' pages; those of all other pages are STAFF_LANGUAGES.
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
STAFF_LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl", "pl", "tr")
RIGHT_TO_LEFT = {"ar", "fa", "he", "ur"}
DEFAULT_LANGUAGE = "en"


def text_direction(language: str) -> str:
    """The value of the HTML attribute `dir`: 'rtl' or 'ltr'."""
    return "rtl" if language in RIGHT_TO_LEFT else "ltr"


def in_language(texts: dict[str, str], language: str, otherwise: str = DEFAULT_LANGUAGE) -> str:
    """The text in this language, else in the language `otherwise`, else in English, else in any other."""
    found = texts.get(language) or texts.get(otherwise) or texts.get(DEFAULT_LANGUAGE)
    return found or next(iter(texts.values()), "")


def table_title(name: str) -> str:
    """The name of a table for use in a sentence: “Table 7” if the name is a number, “Tables 7 + 8” of joined ones."""
    names = name.split(" + ")
    if len(names) > 1 and all(each.isdecimal() for each in names):
        return str(_("Tables %(names)s", names=name))
    return str(_("Table %(name)s", name=name)) if name.isdecimal() else name


def alphabetical(name: str) -> str:
    """A sort key for names that ignores case and accents."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))
