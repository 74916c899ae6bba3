"""The mail of an invitation, prepared when it is sent, so that no token is stored in the outbox.

Recipients did not ask for it, so it must not carry text chosen by the sender: no name of the inviter, no message, no
logo, which may hold any text, and the restaurant's name only if mail clients will not turn it into a link or telephone
number. The restaurant's colour says nothing, and so it has that.
"""

import re
import unicodedata
from typing import Any

from waitercaller.db import clock
from waitercaller.mail import outbox
from waitercaller.model import face, invitations, restaurants, tokens
from waitercaller.web.routing import address_of

MAX_NAME_LENGTH = 40
LIKE_A_LINK = re.compile(r"[@/\\]|[.:]\S|www|\d[\d\s()-]{4,}\d", re.IGNORECASE)


@outbox.prepares("invitation")
def invitation(to: str, context: dict[str, Any]) -> outbox.Prepared | None:
    """The link to a valid invitation; None if it was withdrawn or has expired."""
    found = invitations.get(context["invitation_id"])
    restaurant = restaurants.get(found["restaurant_id"]) if found else None
    if found is None or restaurant is None:
        return None
    left = found["expires_at"] - clock.now()
    token = tokens.issue("invitation", str(found["_id"]), left, context["ordered_at"])
    link = address_of("staff.invitation_link", token=token)
    return outbox.Prepared(
        "invitation",
        {"link": link, "restaurant_name": safe_name(restaurant["name"])},
        face.without_logo(face.of(restaurant)),
    )


def safe_name(name: str) -> str:
    """The name; "" if it is too long or could be displayed as a link."""
    name = unicodedata.normalize("NFKC", name)
    return "" if len(name) > MAX_NAME_LENGTH or LIKE_A_LINK.search(name) else name
