"""Use up a code that somebody typed as the second factor: of the app, or a recovery code."""

from typing import Literal

from pymongo.client_session import ClientSession

from waitercaller.db.client import transaction
from waitercaller.mail import outbox
from waitercaller.model import second_factors
from waitercaller.model.users import User


def accept(user: User, typed: str, language: str) -> Literal["app", "recovery"] | None:
    """Which of the user's codes this was; None where it is none of them, or was used before.

    Each counts once. That a recovery code was used is mailed to the user, in `language`.
    """
    if second_factors.accept_app_code(user, typed):
        return "app"

    def spend(txn: ClientSession | None) -> bool:
        spent = second_factors.spend_recovery_code(user, typed, txn)
        if spent:
            outbox.enqueue("two_factor_notice", user["email"], txn=txn, language=language, what="recovery_used")
        return spent

    return "recovery" if transaction(spend) else None
