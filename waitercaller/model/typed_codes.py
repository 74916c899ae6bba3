"""Codes as people type them: of tables, second factors and recovery."""

import unicodedata

# Space and line separators, dashes, control and format characters (directional marks come along with Arabic digits).
IGNORED = ("Zs", "Zl", "Zp", "Pd", "Cc", "Cf")


def normalised(typed: str) -> str:
    """The code in upper case without spaces and dashes, with 0 to 9 for the digits of all scripts."""
    plain = (character for character in unicodedata.normalize("NFKC", typed))
    return "".join(
        str(unicodedata.decimal(character, character))
        for character in plain
        if unicodedata.category(character) not in IGNORED
    ).upper()
