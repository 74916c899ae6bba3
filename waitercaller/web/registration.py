"""Who may register a restaurant (REGISTRATION); whoever an operator has invited always may."""

from typing import Literal

from pymongo.client_session import ClientSession

from waitercaller.db.config import config
from waitercaller.model import tenancy

State = Literal["open", "first", "closed"]


def state(txn: ClientSession | None = None) -> State:
    """Whether a restaurant can be registered without an invitation; "first": only the first one."""
    match config().registration:
        case "open":
            return "open"
        case "first" if tenancy.is_empty(txn):
            return "first"
        case _:
            return "closed"
