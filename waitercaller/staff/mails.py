"""The mail of an invitation, made when it is sent: withdrawn ones are not, and no link lies in the outbox.

It goes to people who did not ask for it. So its words are ours: no name of whoever invites, no message, and the
restaurant's name only where mail programs will make no link or telephone number of it.
"""

import re
import unicodedata
from typing import Any

from waitercaller.db import clock
from waitercaller.mail import outbox
from waitercaller.model import invitations, restaurants, tokens
from waitercaller.web.routing import address_of

MAX_NAME_LENGTH = 40
LIKE_A_LINK = re.compile(r"[@/\\]|[.:]\S|www|\d[\d\s()-]{4,}\d", re.IGNORECASE)


@outbox.prepares("invitation")
def invitation(to: str, context: dict[str, Any]) -> outbox.Prepared | None:
    """The link to an invitation that is still good."""
    found = invitations.get(context["invitation_id"])
    restaurant = restaurants.get(found["restaurant_id"]) if found else None
    if found is None or restaurant is None:
        return None
    token = tokens.issue("invitation", str(found["_id"]), found["expires_at"] - clock.now())
    link = address_of("staff.invitation_link", token=token)
    return outbox.Prepared("invitation", {"link": link, "restaurant_name": harmless(restaurant["name"])})


def harmless(name: str) -> str:
    """The name, or nothing where it could be an advertisement to tap on."""
    name = unicodedata.normalize("NFKC", name)
    return "" if len(name) > MAX_NAME_LENGTH or LIKE_A_LINK.search(name) else name
