"""Verification of a typed second-factor code: of the app (TOTP), or a recovery code."""

from typing import Literal

from pymongo.client_session import ClientSession

from waitercaller.db.client import transaction
from waitercaller.mail import outbox
from waitercaller.model import second_factors
from waitercaller.model.users import User


def accept(user: User, typed: str, language: str) -> Literal["app", "recovery"] | None:
    """Accept a code once; the kind of code, or None if it is wrong or was used before.

    The use of a recovery code is mailed to the user, in `language`.
    """
    if second_factors.accept_app_code(user, typed):
        return "app"

    def work(txn: ClientSession | None) -> bool:
        spent = second_factors.spend_recovery_code(user, typed, txn)
        if spent:
            outbox.enqueue("two_factor_notice", user["email"], txn=txn, language=language, what="recovery_used")
        return spent

    return "recovery" if transaction(work) else None
