"""QR codes: the address of a table as a picture, for the screen and for the printer.

The address is upper case as a whole, so that it fits the alphanumeric mode: two characters in eleven bits
instead of sixteen. That pays for error level Q: a quarter of the code may be stained, scratched or in the shade,
as on a table it will be. Level M would save four modules a side, which on a card 60 mm wide nobody can see.
"""

import io
import unicodedata
from functools import lru_cache

import segno
from markupsafe import Markup

from waitercaller.web.qr import QUIET_ZONE, qr_svg

ERROR_LEVEL = "q"
PNG_PIXELS = 1500  # at least this wide …
PNG_DPI = 600  # … which is about 63 mm in print
UNSAFE_IN_FILE_NAMES = set('/\\:*?"<>|%')


def address(public_url: str, code: str) -> str:
    """What a table's QR code says; the part before the code is the site's, as configured."""
    return f"{public_url}/t/{code}".upper()


@lru_cache(maxsize=1024)
def svg(address: str) -> Markup:
    """The code for pages, kept: a print sheet asks for all of them at once."""
    return qr_svg(_code(address))


def png(address: str) -> bytes:
    """The code as a PNG for print: 600 dpi, black on white."""
    code = _code(address)
    width, _ = code.symbol_size(border=QUIET_ZONE)
    out = io.BytesIO()
    code.save(out, kind="png", border=QUIET_ZONE, scale=-(-PNG_PIXELS // width), dpi=PNG_DPI)
    return out.getvalue()


def file_name(table_name: str, extension: str) -> str:
    """A name for the downloaded picture that every system takes, whatever the table is called."""
    safe = "".join("-" if _unsafe(character) else character for character in table_name)
    return f"qr {safe}.{extension}"


def _code(address: str) -> segno.QRCode:
    return segno.make_qr(address, error=ERROR_LEVEL)


def _unsafe(character: str) -> bool:
    # Category C are control characters and the invisible ones that turn the reading direction.
    return character in UNSAFE_IN_FILE_NAMES or unicodedata.category(character).startswith("C")
