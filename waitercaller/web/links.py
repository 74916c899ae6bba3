"""Links with a token: a GET never redeems it, and it does not stay in the URL, where a Referer would leak it."""

from flask import redirect, session, url_for
from flask.typing import ResponseReturnValue


def store_token_and_redirect(purpose: str, token: str, endpoint: str) -> ResponseReturnValue:
    """Store the token in the cookie session as `<purpose>_token` and redirect to the page whose POST redeems it."""
    session[f"{purpose}_token"] = token
    response = redirect(url_for(endpoint), 303)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
