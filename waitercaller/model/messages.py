"""Messages that are documents first and sent later: mails and push messages.

A message is enqueued when something happens and sent a little later, or much later when a server is away. So whether
what it says is still true is decided when it is sent: each kind of message registers a function with its outbox, which
returns what to send, or None when there is nothing to tell any more. The outboxes know neither texts nor subjects.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Generic, NotRequired, TypeVar

from bson import ObjectId

from waitercaller.db.work_queue import Work

Prepare = TypeVar("Prepare", bound=Callable[..., Any])


class OutboxMail(Work):
    """A mail (collection `outbox`). States: due, sent, dropped, failed."""

    _id: ObjectId | str  # its occasion, if it has one
    name: str  # the kind of mail
    to: str  # an e-mail address
    language: str
    context: dict[str, Any]  # what the kind's function needs; never a link that works
    message_id: str  # made once, so that a mail that is sent twice can be recognised as one
    created_at: datetime
    refused: NotRequired[bool]  # whether the server takes other mails, and not this one
    purge_at: NotRequired[datetime]


class Push(Work):
    """A push message (collection `pushes`). States as those of OutboxMail."""

    _id: str  # <occasion>:<event>:<subscription>
    event: str  # the kind of message
    restaurant_id: ObjectId
    subscription_id: str
    context: dict[str, Any]  # what the kind's function needs
    topic: str | None  # RFC 8030: a later message of the same topic replaces one that was not delivered yet
    created_at: datetime
    expires_at: datetime  # the end of its time to live
    purge_at: datetime


class Registry(Generic[Prepare]):
    """The function of each kind of message that decides, when it is sent, whether it is still true and what it says."""

    def __init__(self) -> None:
        self.functions: dict[str, Prepare] = {}

    def prepares(self, kind: str) -> Callable[[Prepare], Prepare]:
        """Register the decorated function for this kind of message."""

        def register(prepare: Prepare) -> Prepare:
            self.functions[kind] = prepare
            return prepare

        return register

    def __getitem__(self, kind: str) -> Prepare:
        """Raises KeyError for a kind that nobody has registered."""
        return self.functions[kind]
