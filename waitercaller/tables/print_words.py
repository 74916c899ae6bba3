"""What the printed codes say to guests, in a guest's language."""

from flask_babel import force_locale
from flask_babel import gettext as _


def scan_line(language: str) -> str:
    """The sentence beside the code, in this language."""
    with force_locale(language):
        return str(_("Scan to call a waiter"))
