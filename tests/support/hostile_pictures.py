"""Pictures as people upload them, and files that are none."""

import io
import struct
import zlib
from typing import Any

from PIL import Image, ImageDraw

PNG = b"\x89PNG\r\n\x1a\n"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><rect width="9" height="9"/></svg>'
ZEROS = zlib.compress(bytes(3 * 1024 * 1024))  # 3 MB within 3 KB


def saved(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """The bytes of this picture as a file."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def bell(size: tuple[int, int] = (300, 200), mode: str = "RGBA", colour: str = "navy") -> Image.Image:
    """A dark disc on nothing, or on black where the mode knows no transparency."""
    image = Image.new(mode, size)
    ImageDraw.Draw(image).ellipse((10, 10, size[0] - 10, size[1] - 10), fill=colour)
    return image


def png(*chunks: tuple[bytes, bytes], size: tuple[int, int] = (8, 8)) -> bytes:
    """A PNG file made of these chunks, behind a head that says this size."""
    head = (b"IHDR", struct.pack(">IIBBBBB", *size, 8, 0, 0, 0, 0))
    return PNG + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in (head, *chunks, (b"IEND", b""))
    )


def refused() -> dict[str, tuple[bytes, str]]:
    """What is uploaded, and a part of the sentence by which it is refused."""
    return {
        "nothing": (b"", "choose a picture"),
        "SVG": (SVG, "no picture in PNG, JPEG or WebP"),
        "a page": (b"<!doctype html><script>alert(1)</script>", "no picture in PNG, JPEG or WebP"),
        "GIF": (saved(bell(mode="RGB"), "GIF"), "no picture in PNG, JPEG or WebP"),
        "TIFF": (saved(bell(), "TIFF"), "no picture in PNG, JPEG or WebP"),
        "only a signature": (PNG, "no picture in PNG, JPEG or WebP"),
        "a truncated JPEG": (saved(bell(mode="RGB"), "JPEG")[:1500], "is damaged"),
        "a PNG of noughts": (png((b"IDAT", b"nothing packed")), "is damaged"),
        "a text that unpacks to megabytes": (
            png((b"zTXt", b"Title\0\0" + ZEROS), (b"IDAT", zlib.compress(b""))),
            "is damaged",
        ),
        "20 megapixels": (saved(Image.new("1", (5000, 4000))), "more than 16 million points"),
        "100 megapixels": (png((b"IDAT", ZEROS), size=(10_000, 10_000)), "more than 16 million points"),
        "a bomb": (png((b"IDAT", ZEROS), size=(60_000, 60_000)), "more than 16 million points"),
        "white on nothing": (saved(bell(colour="white")), "nothing can be seen"),
        "one colour": (saved(Image.new("RGB", (90, 90), "navy")), "nothing can be seen"),
        "more than 4 MB": (saved(bell()) + bytes(4 * 1024 * 1024), "larger than 4 MB"),
    }
