"""Erasure of those who were erased before, after a backup was restored that still has them (model/erasure_log)."""

from pymongo.client_session import ClientSession

from waitercaller.auth.account import leaving
from waitercaller.db.client import transaction
from waitercaller.db.config import config
from waitercaller.model import erasure_log, restaurants, tenancy, users
from waitercaller.model.restaurants import Member, Restaurant
from waitercaller.model.users import User

ADVICE = "Where this machine is new, bring the log from the old one; then waitercaller erase-again."


def erase_again() -> list[str]:
    """Erase all whom the log names; returns what was done, for the operator. Raises OSError, PyMongoError."""
    if not config().erasure_log:
        return ["ERASURE_LOG is not set: accounts that were deleted since the backup are back."]
    try:
        erased = erasure_log.hashes()
    except FileNotFoundError:
        return [f"{config().erasure_log} is not there: nobody is erased again. {ADVICE}"]
    done: list[str] = []
    closed = [each for each in tenancy.present() if erasure_log.hash_of("restaurant", each["_id"]) in erased]
    for restaurant in closed:
        _close(restaurant)
    again = [user_id for user_id in users.ids() if erasure_log.hash_of("person", user_id) in erased]
    for user in filter(None, map(users.get, again)):
        done += _delete(user)
    return [f"Erased again, by the log: {len(again)} accounts, {len(closed)} restaurants.", *done]


def _close(restaurant: Restaurant) -> None:
    def work(txn: ClientSession | None) -> None:
        if restaurants.close_again(restaurant["_id"], txn):
            leaving.end_restaurant(restaurant, txn)

    transaction(work)
    restaurants.forget(restaurant["_id"])


def _delete(user: User) -> list[str]:
    """Delete an account again. Its restaurants that were not erased with it go on, with another owner."""
    successions = []
    for membership in leaving.memberships_of(user["_id"]):
        successor = _successor(membership["restaurant"], membership["member"]) if membership["will_be_closed"] else None
        if successor:
            restaurants.set_role(membership["restaurant"]["_id"], successor["id"], "owner")
            name = membership["restaurant"]["name"]
            successions.append(f"{successor['name']} owns {name} now: its owner at the time of the backup is erased.")
    leaving.delete_account(user, leaving.memberships_of(user["_id"]), language=None)
    return successions


def _successor(restaurant: Restaurant, owner: Member) -> Member | None:
    """Who owns a restaurant after its owner: a manager before a waiter, of those with an account."""
    others = [each for each in restaurant["members"] if each["user_id"] and each["id"] != owner["id"]]
    return min(others, key=lambda each: each["role"] != "manager", default=None)
