"""The languages offered to guests and staff, and texts in several languages."""

import unicodedata

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


def text_direction(language: str) -> str:
    """'rtl' or 'ltr'."""
    return "rtl" if language in RIGHT_TO_LEFT else "ltr"


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
