"""The signature of a message, as Standard Webhooks 1.0 has it: HMAC-SHA256 over id, time and body."""

import base64
import hmac
from datetime import datetime

from waitercaller.model.webhooks import SECRET_PREFIX


def headers(secret: str, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The headers by which a receiver knows that the message is ours, and how old it is; `at`: when it is sent."""
    seconds = str(int(at.timestamp()))
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    signed = hmac.digest(key, f"{message_id}.{seconds}.".encode() + body, "sha256")
    return {
        "webhook-id": message_id,
        "webhook-timestamp": seconds,
        "webhook-signature": f"v1,{base64.b64encode(signed).decode()}",
    }
