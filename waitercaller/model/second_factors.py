"""Second factors, embedded in the user's document.

`two_factor`: the TOTP secret, the counter of the last accepted code, since when it is on, and the hashes of the unused
recovery codes. During the set-up, `two_factor_offer`: a secret that belongs to one login.
"""

from datetime import timedelta

from bson import ObjectId
from pymongo.client_session import ClientSession

from waitercaller.db import clock
from waitercaller.model import second_factor_codes, users
from waitercaller.model.users import User

OFFER_LIFETIME = timedelta(hours=1)


def offer(user_id: ObjectId, login_id: str) -> str:
    """The secret offered to this login, the same for OFFER_LIFETIME; it is never shown to another login."""
    now = clock.now()
    new = {"secret": second_factor_codes.new_secret(), "login_id": login_id, "until": now + OFFER_LIFETIME}
    other = [{"two_factor_offer.login_id": {"$ne": login_id}}, {"two_factor_offer.until": {"$lte": now}}]
    users.documents().update_one({"_id": user_id, "$or": other}, {"$set": {"two_factor_offer": new}})
    user = users.documents().find_one({"_id": user_id})
    return user["two_factor_offer"]["secret"] if user else ""


def turn_on(user_id: ObjectId, secret: str, counter: int, recovery_codes: list[str], txn: ClientSession | None) -> bool:
    """Turn on the second factor with the offered secret; False if the offer is gone or a second factor is on."""
    now = clock.now()
    two_factor = {"secret": secret, "counter": counter, "since": now, "recovery_codes": _hashes(recovery_codes)}
    offered = {"_id": user_id, "two_factor": None, "two_factor_offer.secret": secret}
    change = {"$set": {"two_factor": two_factor}, "$unset": {"two_factor_offer": ""}}
    return bool(users.documents().update_one(offered, change, session=txn).modified_count)


def turn_off(user_id: ObjectId, txn: ClientSession | None) -> bool:
    """Turn off the second factor; False if it was off."""
    on = {"_id": user_id, "two_factor": {"$ne": None}}
    change = {"$unset": {"two_factor": "", "two_factor_offer": ""}}
    return bool(users.documents().update_one(on, change, session=txn).modified_count)


def renew_recovery_codes(user_id: ObjectId, recovery_codes: list[str], txn: ClientSession | None) -> bool:
    """Replace all recovery codes; False if there is no second factor."""
    on = {"_id": user_id, "two_factor": {"$ne": None}}
    change = {"$set": {"two_factor.recovery_codes": _hashes(recovery_codes)}}
    return bool(users.documents().update_one(on, change, session=txn).modified_count)


def accept_app_code(user: User, typed: str) -> bool:
    """Accept a TOTP code of the user; each is accepted once, also of concurrent attempts."""
    secret = user["two_factor"]["secret"]
    counter = second_factor_codes.counter_of(secret, typed, clock.now())
    newer = {"_id": user["_id"], "two_factor.secret": secret, "two_factor.counter": {"$lt": counter}}
    change = {"$set": {"two_factor.counter": counter}}
    return counter is not None and bool(users.documents().update_one(newer, change).modified_count)


def spend_recovery_code(user: User, typed: str, txn: ClientSession | None) -> bool:
    """Accept and remove one of the user's recovery codes."""
    spent = second_factor_codes.recovery_hash(typed)
    left = {"_id": user["_id"], "two_factor.recovery_codes": spent}
    change = {"$pull": {"two_factor.recovery_codes": spent}}
    return bool(users.documents().update_one(left, change, session=txn).modified_count)


def _hashes(recovery_codes: list[str]) -> list[str]:
    return [second_factor_codes.recovery_hash(code) for code in recovery_codes]
