"""The form of a restaurant's colour and links."""

from typing import Any
from urllib.parse import urlsplit

from flask_babel import gettext as _
from flask_babel import lazy_gettext
from wtforms import BooleanField, StringField
from wtforms.validators import ValidationError

from waitercaller.model import colours
from waitercaller.model.face import MAX_LINKS
from waitercaller.model.face_entry import Face, Link
from waitercaller.settings.fields import MergingForm
from waitercaller.settings.merging import Values
from waitercaller.web.forms import text_field, text_of

USUAL_COLOUR = "#8a3b12"  # --brand of tokens.css
MAX_LABEL_LENGTH = 24  # characters
MAX_LINK_LENGTH = 500
NUMBERS = range(1, MAX_LINKS + 1)
LABEL, ADDRESS = lazy_gettext("Name"), lazy_gettext("Address")


class FaceForm(MergingForm):
    """A colour, where the restaurant has one of its own, and up to two links."""

    own_colour = BooleanField(lazy_gettext("A colour of our own"))
    colour = StringField(lazy_gettext("Colour"))
    nearest = BooleanField()  # of a colour that cannot be read, the nearest that can
    label_1 = text_field(LABEL, MAX_LABEL_LENGTH, required=False)
    url_1 = text_field(ADDRESS, MAX_LINK_LENGTH, required=False)
    label_2 = text_field(LABEL, MAX_LABEL_LENGTH, required=False)
    url_2 = text_field(ADDRESS, MAX_LINK_LENGTH, required=False)

    offered = ""  # the nearest readable colour, where the one that was sent is none

    def validate_colour(self, field: Any) -> None:
        if not self.own_colour.data:
            return
        if not colours.COLOUR.fullmatch(_colour_in(field)):
            raise ValidationError(_("Please choose a colour, such as %(colour)s.", colour=USUAL_COLOUR))
        if not self.nearest.data and not colours.is_readable(_colour_in(field)):
            self.offered = colours.nearest_readable(_colour_in(field))
            sentence = _(
                "White letters cannot be read on this colour. The nearest on which they can is %(colour)s.",
                colour=self.offered,
            )
            raise ValidationError(sentence)

    def validate_label_1(self, field: Any) -> None:
        _given_with(self.url_1, field)

    def validate_label_2(self, field: Any) -> None:
        _given_with(self.url_2, field)

    def validate_url_1(self, field: Any) -> None:
        _is_link(self.label_1, field)

    def validate_url_2(self, field: Any) -> None:
        _is_link(self.label_2, field)

    def values(self) -> Values:
        """The submitted values, as compared and stored."""
        colour = _colour_in(self.colour) if self.own_colour.data else ""
        if colour and self.nearest.data:
            colour = colours.nearest_readable(colour)
        return {"colour": colour, **{name: text_of(self[name]) for name in _link_names()}}

    def data_of(self, values: Values) -> Values:
        return {**values, "own_colour": bool(values["colour"]), "colour": values["colour"] or USUAL_COLOUR}

    def text_of(self, value: Any) -> str:
        return str(value or _("nothing"))


def values_of(face: Face) -> Values:
    """The values of the form that say this."""
    links = face.get("links", [])
    texts = [text for each in links for text in (each["label"], each["url"])]
    texts += [""] * (len(_link_names()) - len(texts))
    return {"colour": face.get("colour", ""), **dict(zip(_link_names(), texts, strict=True))}


def face_with(face: Face, values: Values) -> Face:
    """This face with the colour and the links that the form says."""
    links: list[Link] = [
        {"label": values[f"label_{n}"], "url": values[f"url_{n}"]} for n in NUMBERS if values[f"url_{n}"]
    ]
    changed: Face = {"logo": face["logo"]} if "logo" in face else {}
    if values["colour"]:
        changed["colour"] = values["colour"]
    if links:
        changed["links"] = links
    return changed


def _link_names() -> list[str]:
    return [f"{name}_{number}" for number in NUMBERS for name in ("label", "url")]


def _colour_in(field: Any) -> str:
    return text_of(field).strip().lower()


def _given_with(other: Any, field: Any) -> None:
    if text_of(other) and not text_of(field):
        raise ValidationError(_("Please fill this in."))


def _is_link(label: Any, field: Any) -> None:
    _given_with(label, field)
    if text_of(field) and not _is_https(text_of(field)):
        raise ValidationError(_("Please give an address that begins with https://, without a password."))


def _is_https(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _port = parts.port
    except ValueError:
        return False
    is_plain = not any(character in ' "<>\\^`{|}' for character in url)
    is_host = "." in (parts.hostname or "").strip(".")
    return parts.scheme == "https" and is_host and is_plain and "@" not in parts.netloc
