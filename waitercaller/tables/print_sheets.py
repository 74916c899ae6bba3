"""The sheets of codes to print, drawn as PDF."""

import io
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from reportlab.lib.colors import HexColor
from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from waitercaller.tables import print_fonts, qr
from waitercaller.tables.print_formats import Format
from waitercaller.tables.print_text import drawn
from waitercaller.web.qr import QUIET_ZONE

INK, SOFT, CUT = (HexColor(each) for each in ("#1f1a17", "#6a5f57", "#8f8276"))
BRAND = "#8a3b12"
LINE_HEIGHT = 1.2  # of the size of the letters
WIDE = 1.25  # a place that is so much wider than high has its words beside the code
# What stands one below the other, and its share of the height. A label is stuck where the restaurant is known.
UNDER_SHARES = {"line": 0.58, "restaurant": 0.23, "typed": 0.19}
BESIDE_SHARES = {"table": 0.36, "line": 0.34, "restaurant": 0.14, "typed": 0.16}
LABEL_SHARES = {"table": 0.38, "line": 0.38, "typed": 0.24}
LOGO_ABOVE, LOGO_BESIDE = 0.42, 0.24  # of the height above or beside the code


@dataclass(frozen=True)
class Place:
    """What is printed for one table."""

    table: str
    address: str  # in its QR code
    typed: str  # the short address


@dataclass(frozen=True)
class Words:
    """What is printed on all of them."""

    restaurant: str
    lines: list[tuple[str, str]]  # the sentence and its language; two at most
    language: str  # of the restaurant
    colour: str = BRAND
    logo: ImageReader | None = None  # on cards; on a label is no room


@dataclass(frozen=True)
class Box:
    """A rectangle, in points, from its lower left corner."""

    x: float
    y: float
    width: float
    height: float


def pdf(form: Format, places: Sequence[Place], words: Words, title: str, used: int = 0) -> bytes:
    """All places on as many sheets as they need, behind `used` labels that the first sheet lacks already."""
    out = io.BytesIO()
    size = (form.paper.width * mm, form.paper.height * mm)
    canvas = Canvas(out, pagesize=size, pageCompression=1, invariant=1)
    canvas.setTitle(print_fonts.printable(title))
    canvas.setCreator("Waiter Caller")
    waiting: list[Place | None] = [*[None] * used, *places]
    for start in range(0, len(waiting), form.places):
        _cuts(canvas, form)
        for place, (x, y) in zip(waiting[start : start + form.places], form.corners(), strict=False):
            if place is not None:
                time.sleep(0)  # yield to other greenlets: a place takes some milliseconds
                _place(canvas, form, Box(x * mm, y * mm, form.width * mm, form.height * mm), place, words)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def _place(canvas: Canvas, form: Format, box: Box, place: Place, words: Words) -> None:
    if form.kind != "tent":
        _face(canvas, form, box, place, words)
        return
    half = Box(-box.width / 2, 0, box.width, box.height / 2)
    for turn in (0, 180):  # from the fold in the middle down, and upside down from there up
        canvas.saveState()
        canvas.translate(box.x + box.width / 2, box.y + box.height / 2)
        canvas.rotate(turn)
        canvas.translate(0, -box.height / 2)
        _face(canvas, form, half, place, words)
        canvas.restoreState()


def _face(canvas: Canvas, form: Format, box: Box, place: Place, words: Words) -> None:
    inset = form.inset * mm
    inner = Box(box.x + inset, box.y + inset, box.width - 2 * inset, box.height - 2 * inset)
    if inner.width >= WIDE * inner.height:
        side = min(inner.height, inner.width * 0.55)
        _code(canvas, Box(inner.x, inner.y + (inner.height - side) / 2, side, side), place.address, form, words)
        gap = 0.03 * inner.width
        beside = Box(inner.x + side + gap, inner.y, inner.width - side - gap, inner.height)
        if form.kind == "label":
            _words(canvas, beside, place, words, LABEL_SHARES)
        else:
            _words(canvas, _below_logo(canvas, beside, words, LOGO_BESIDE), place, words, BESIDE_SHARES)
        return
    side = min(inner.width * 0.84, inner.height * 0.56)
    under, above = inner.height * 0.23, inner.height * 0.75 - side
    code = Box(inner.x + (inner.width - side) / 2, inner.y + inner.height * 0.25, side, side)
    _code(canvas, code, place.address, form, words)
    top = Box(inner.x, inner.y + inner.height - above, inner.width, above)
    if form.kind != "label":
        top = _below_logo(canvas, top, words, LOGO_ABOVE)
    _text(canvas, Box(top.x, top.y, top.width, 0.92 * top.height), [(place.table, words.language)], INK)
    _words(canvas, Box(inner.x, inner.y, inner.width, under), place, words, UNDER_SHARES)


def _below_logo(canvas: Canvas, box: Box, words: Words, share: float) -> Box:
    """Draw the logo into this share of the box, at its top; returns what is left of it, all where there is none."""
    if words.logo is None:
        return box
    height = share * box.height
    left = Box(box.x, box.y, box.width, box.height - height)
    canvas.drawImage(words.logo, box.x, left.y + left.height, box.width, height, preserveAspectRatio=True, anchor="c")
    return left


def _words(canvas: Canvas, box: Box, place: Place, words: Words, shares: dict[str, float]) -> None:
    """The texts one below the other, each in its share of the height."""
    texts = {
        "table": ([(place.table, words.language)], INK),
        "line": (words.lines, HexColor(words.colour)),
        "restaurant": ([(words.restaurant, words.language)], INK),
        "typed": ([(place.typed, "en")], SOFT),
    }
    top = box.y + box.height
    for name, share in shares.items():
        height = share * box.height
        top -= height
        _text(canvas, Box(box.x, top + 0.04 * height, box.width, 0.92 * height), *texts[name])


def _text(canvas: Canvas, box: Box, texts: list[tuple[str, str]], colour: HexColor) -> None:
    """The texts in the middle of the box, as large as they fit into it."""
    size, lines = max((_fitted(broken, box), broken) for broken in _broken(texts))
    canvas.setFillColor(colour)
    baseline = box.y + box.height / 2 + (len(lines) / 2 * LINE_HEIGHT - 0.92) * size
    for line, language in lines:
        x = box.x + (box.width - print_fonts.width(line, language) * size) / 2
        for font, part in print_fonts.runs(line, language):
            canvas.setFont(font, size)
            canvas.drawString(x, baseline, part)
            x += canvas.stringWidth(part, font, size)
        baseline -= LINE_HEIGHT * size


def _broken(texts: list[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    """The texts each in one line, and each in two where it has words; as they are drawn."""
    yield [(drawn(text), language) for text, language in texts]
    if any(" " in text or "/" in text for text, _language in texts):
        yield [(drawn(half), language) for text, language in texts for half in _halves(text, language)]


def _halves(text: str, language: str) -> list[str]:
    """The text broken where its longer line is the shortest: after a space or a slash, at most once."""
    at = [number + 1 for number, character in enumerate(text[:-1]) if character in " /"]
    breaks = [[text[:each].strip(), text[each:].strip()] for each in at]
    return min(breaks, key=lambda both: max(print_fonts.width(each, language) for each in both), default=[text])


def _fitted(lines: list[tuple[str, str]], box: Box) -> float:
    """The largest size of letters in which the lines fit into the box, in points."""
    widest = max((print_fonts.width(line, language) for line, language in lines), default=0)
    high = box.height / (len(lines) * LINE_HEIGHT)
    return min(high, box.width / widest) if widest else high


def _code(canvas: Canvas, box: Box, address: str, form: Format, words: Words) -> None:
    """The QR code with its white border; on cards in a frame."""
    modules = qr.modules(address)
    step = box.width / (len(modules) + 2 * QUIET_ZONE)
    path = canvas.beginPath()
    for number, row in enumerate(modules):
        left = box.x + QUIET_ZONE * step
        bottom = box.y + box.height - (QUIET_ZONE + number + 1) * step
        for dark, cells in groupby(row):
            length = len(list(cells)) * step
            if dark:
                path.rect(left, bottom, length, step)
            left += length
    canvas.setFillGray(0)
    canvas.drawPath(path, stroke=0, fill=1)
    if form.kind != "label":
        canvas.setStrokeColor(HexColor(words.colour))
        canvas.setLineWidth(0.012 * box.width)
        canvas.roundRect(box.x, box.y, box.width, box.height, 0.07 * box.width, stroke=1, fill=0)


def _cuts(canvas: Canvas, form: Format) -> None:
    """Dashed lines between the places of a sheet that is cut, dotted ones where a tent is folded."""
    if form.kind == "label":
        return
    width, height, margin = form.paper.width, form.paper.height, 6.0
    canvas.setStrokeColor(CUT)
    canvas.setLineWidth(0.5)
    canvas.setDash(4, 4)
    for column in range(1, form.columns):
        canvas.line(column * form.width * mm, margin * mm, column * form.width * mm, (height - margin) * mm)
    for row in range(1, form.rows):
        canvas.line(margin * mm, row * form.height * mm, (width - margin) * mm, row * form.height * mm)
    if form.kind == "tent":
        canvas.setDash(1, 3)
        canvas.line(margin * mm, height / 2 * mm, (width - margin) * mm, height / 2 * mm)
    canvas.setDash()
