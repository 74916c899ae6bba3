"""Links that carry a token: opening one never acts, and the token stays in no address that a page could pass on."""

from flask import redirect, session, url_for
from flask.typing import ResponseReturnValue


def move_on(purpose: str, token: str, endpoint: str) -> ResponseReturnValue:
    """Put a link's token into the session, as `<purpose>_token`, and go on to the page that asks before it redeems."""
    session[f"{purpose}_token"] = token
    response = redirect(url_for(endpoint), 303)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
