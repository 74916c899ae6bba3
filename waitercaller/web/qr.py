"""QR codes as inline SVG."""

import io

import segno
from markupsafe import Markup

QUIET_ZONE = 4  # modules of white around the code, required by ISO/IEC 18004


def qr_svg(code: segno.QRCode) -> Markup:
    """The code as an SVG without fixed size, black on white also in dark mode: many scanners fail on inverted codes."""
    out = io.BytesIO()
    code.save(out, kind="svg", border=QUIET_ZONE, dark="#000", light="#fff", omitsize=True, xmldecl=False, nl=False)
    return Markup(out.getvalue().decode())  # noqa: S704  (paths only; the content of the code is not in the markup)
