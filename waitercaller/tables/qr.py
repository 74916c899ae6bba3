"""QR codes of tables, as SVG and PNG.

Host and path are upper case, which allows the alphanumeric mode: eleven bits per two characters instead of sixteen. The
saving is used for error correction level Q (about 25 % of the code may be damaged). Level M would save only four
modules per side. The scheme is lower case, in a segment of its own: cameras of some phones match schemes by case, and
show an error for HTTPS:// or take it for text. That costs at most four modules per side.
"""

import io
import unicodedata
from functools import lru_cache

import segno
from markupsafe import Markup

from waitercaller.model import tables
from waitercaller.web.qr import QUIET_ZONE, qr_svg

ERROR_LEVEL = "q"
PNG_PIXELS = 1500  # at least this wide …
PNG_DPI = 600  # … which is about 63 mm in print
UNSAFE_IN_FILE_NAMES = set('/\\:*?"<>|%')


def address(public_url: str, code: str) -> str:
    """The URL in a table's QR code; `public_url` is PUBLIC_URL."""
    scheme, separator, rest = public_url.partition("://")
    return f"{scheme}{separator}{rest.upper()}/T/{code}"


def typed_address(public_url: str, code: str) -> str:
    """The short address to type where no camera works, without https://, which browsers add by themselves."""
    short = tables.short_code(code)
    half = len(short) // 2
    return f"{public_url.removeprefix('https://')}/t/{short[:half]}-{short[half:]}"


def svg(address: str) -> Markup:
    """The code as SVG."""
    return qr_svg(_code(address))


def png(address: str) -> bytes:
    """The code as a PNG for print: 600 dpi, black on white."""
    code = _code(address)
    width, _ = code.symbol_size(border=QUIET_ZONE)
    out = io.BytesIO()
    code.save(out, kind="png", border=QUIET_ZONE, scale=-(-PNG_PIXELS // width), dpi=PNG_DPI)
    return out.getvalue()


@lru_cache(maxsize=1024)
def modules(address: str) -> tuple[bytes, ...]:
    """The rows of the code without its white border, 1 is dark; cached, because a code takes 3 ms."""
    return tuple(bytes(row) for row in _code(address).matrix)


def file_name(table_name: str, extension: str) -> str:
    """A file name that is valid on all systems, from the table's name."""
    safe = "".join("-" if _unsafe(character) else character for character in table_name)
    return f"qr {safe}.{extension}"


def _code(address: str) -> segno.QRCode:
    scheme, separator, rest = address.partition("://")
    return segno.make_qr([scheme + separator, rest], error=ERROR_LEVEL)  # type: ignore[arg-type]  # segments, each in its own mode


def _unsafe(character: str) -> bool:
    # Category C: control and format characters, including bidirectional controls.
    return character in UNSAFE_IN_FILE_NAMES or unicodedata.category(character).startswith("C")
