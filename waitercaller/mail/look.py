"""How a mail looks that speaks for a restaurant: its colour, and its logo, which travels with the mail.

Many mail programs load a picture from an address only when their reader allows it, and some show no WebP. So the logo
is a part of the mail, in PNG, and the page of the mail names it by its content id (RFC 2392).
"""

from dataclasses import dataclass
from email.mime.base import MIMEBase
from typing import NamedTuple

import flask_mail

from waitercaller.model import colours, face, face_pictures
from waitercaller.model.face_entry import Face

LOGO_WIDTH, LOGO_HEIGHT = 200, 64  # px, at most, as it is shown; it is drawn with twice as many where it has them


class Logo(NamedTuple):
    """A logo in a mail; its size in px, as it is shown."""

    content_id: str
    png: bytes
    width: int
    height: int


@dataclass(frozen=True)
class Look:
    """What the layout of mails is drawn with; the usual is the product's own."""

    colour: str = "#8a3b12"
    in_dark: str = "#f0a86b"
    logo: Logo | None = None


class Message(flask_mail.Message):
    """Flask-Mail's message, of which an attached picture is a part: else some programs do not find it by its id."""

    def _message(self) -> MIMEBase:
        whole = super()._message()
        if self.attachments:
            whole.replace_header("Content-Type", 'multipart/related; type="multipart/alternative"')  # RFC 2387
        return whole

    def add_logo(self, logo: Logo) -> None:
        """Attach the logo that the page of the mail shows."""
        self.attach("logo.png", "image/png", logo.png, "inline", {"Content-ID": f"<{logo.content_id}>"})


def of(own: Face, message_id: str) -> Look:
    """The look of a mail for a restaurant with this face; its usual colours and the bell where that has none."""
    found = face.logo(own["logo"]) if "logo" in own else None
    logo = _logo(found["large"], message_id) if found else None
    if "colour" not in own:
        return Look(logo=logo)
    return Look(own["colour"], colours.in_dark(own["colour"]), logo)


def _logo(large: bytes, message_id: str) -> Logo:
    picture = face_pictures.within(large, 2 * LOGO_WIDTH, 2 * LOGO_HEIGHT)
    shrunk = min(1.0, LOGO_WIDTH / picture.width, LOGO_HEIGHT / picture.height)
    width, height = (max(1, round(shrunk * each)) for each in (picture.width, picture.height))
    return Logo(f"logo.{message_id.strip('<>')}", picture.png, width, height)
