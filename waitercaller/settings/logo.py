"""A logo that is uploaded: checked, then drawn anew in two sizes. Nothing else of the file is kept."""

import io
from typing import cast

from flask_babel import lazy_gettext
from PIL import Image, ImageOps, UnidentifiedImageError

from waitercaller.model.face import Pictures
from waitercaller.web.threads import in_thread

MAX_FILE_BYTES = 4 * 1024 * 1024
MAX_PIXELS = 16_000_000  # of the file; each takes 4 bytes while it is read
FORMATS = ("PNG", "JPEG", "WEBP")
LARGE_SIDE, SMALL_SIDE = 512, 144  # px: for paper, and three times the size on the guest's page
QUALITY = 85  # of WebP
LEAST_RANGE = 32  # between the darkest and the lightest point, of 255
# Of each sentence it is known only in the view in which language it is read: threads do not know the visitor.
TOO_LARGE = lazy_gettext("This file is larger than %(number)d MB.", number=MAX_FILE_BYTES // 1024**2)
TOO_MANY_POINTS = lazy_gettext("This picture has more than %(number)d million points.", number=MAX_PIXELS // 10**6)


class Refused(Exception):
    """This file is no logo; the sentence says why."""


def drawn(data: bytes) -> Pictures:
    """The pictures of an uploaded file. Raises Refused."""
    if not data:
        raise Refused(lazy_gettext("Please choose a picture."))
    if len(data) > MAX_FILE_BYTES:
        raise Refused(TOO_LARGE)
    return in_thread(_drawn, data)


def _drawn(data: bytes) -> Pictures:
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:  # reads the head only
            if image.width * image.height > MAX_PIXELS:
                raise Refused(TOO_MANY_POINTS)
            large = _on_white(image)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Refused(TOO_MANY_POINTS) from None
    except UnidentifiedImageError:
        raise Refused(lazy_gettext("This is no picture in PNG, JPEG or WebP.")) from None
    except (OSError, SyntaxError, ValueError, OverflowError, EOFError, MemoryError):  # of Pillow's decoders
        raise Refused(lazy_gettext("This picture is damaged, or only a part of it has arrived.")) from None
    darkest, lightest = cast(tuple[int, int], large.convert("L").getextrema())
    if lightest - darkest < LEAST_RANGE:
        raise Refused(lazy_gettext("On white paper nothing can be seen of this picture. Please take a darker one."))
    small = large.copy()
    small.thumbnail((SMALL_SIDE, SMALL_SIDE))
    return Pictures(small=_webp(small), large=_webp(large))


def _on_white(image: Image.Image) -> Image.Image:
    """The first frame, upright, at most LARGE_SIDE wide and high, on white without its margins; no metadata."""
    if image.mode not in ("L", "RGB", "RGBA"):
        image.draft(None, (LARGE_SIDE, LARGE_SIDE))
        image = image.convert("RGBA")
    image.thumbnail((LARGE_SIDE, LARGE_SIDE))  # a JPEG is read no larger than it has to be
    upright = ImageOps.exif_transpose(image).convert("RGBA")
    white = Image.new("RGB", upright.size, "white")
    white.paste(upright, mask=upright)
    return white.crop(ImageOps.invert(white).getbbox())


def _webp(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "WEBP", quality=QUALITY)
    return out.getvalue()
