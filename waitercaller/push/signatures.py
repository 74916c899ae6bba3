"""What a phone sends back about a message that it shows: that it does, and a tap on the message's button.

Each message carries a signed token for either, so the phone needs no login for it. A token names the message and what
it is for; the database knows whether it has been used (model/messages).
"""

from itsdangerous import BadSignature, URLSafeSerializer

from waitercaller.model.messages import Purpose, Push
from waitercaller.model.tokens import serializer


def token_of(push: Push, purpose: Purpose) -> str:
    """The token for this message and purpose."""
    return str(_serializer(purpose).dumps(push["_id"]))


def message_of(token: str, purpose: Purpose) -> str | None:
    """The id of the message for which the token was made; None if it is forged, or for another purpose."""
    try:
        return str(_serializer(purpose).loads(token))
    except BadSignature:
        return None


def _serializer(purpose: Purpose) -> URLSafeSerializer:
    return serializer(f"push-{purpose}")
