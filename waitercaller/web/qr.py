"""QR codes as pictures inside pages."""

import io

import segno
from markupsafe import Markup

QUIET_ZONE = 4  # modules of white around the code, required by ISO/IEC 18004


def qr_svg(code: segno.QRCode) -> Markup:
    """The code as an SVG without a size of its own, black on white in dark mode too: inverted ones do not scan."""
    out = io.BytesIO()
    code.save(out, kind="svg", border=QUIET_ZONE, dark="#000", light="#fff", omitsize=True, xmldecl=False, nl=False)
    return Markup(out.getvalue().decode())  # noqa: S704  (shapes only: what it says is not in it as text)
