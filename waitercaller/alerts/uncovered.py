"""A member goes off duty, logs out everywhere or is removed: managers are told of tables that are nobody's then.

Their calls go on by themselves: to the zone's, then to all on duty (see model/duty). What was handed over is not told.
"""

from bson import ObjectId
from pymongo.client_session import ClientSession

from waitercaller.alerts import mails, messages
from waitercaller.db import clock
from waitercaller.db.client import transaction
from waitercaller.model import duty, logins, restaurants
from waitercaller.model.duty import Uncovered
from waitercaller.model.logins import Login
from waitercaller.model.restaurants import Restaurant


def leave(restaurant_id: ObjectId, member_id: str) -> None:
    """A member goes off duty; the messages are enqueued in the same transaction."""
    transaction(lambda txn: leave_within(restaurant_id, member_id, txn))
    restaurants.forget(restaurant_id)


def leave_within(restaurant_id: ObjectId, member_id: str, txn: ClientSession | None) -> None:
    """The same within a transaction of the caller, who calls `restaurants.forget` after the commit."""
    uncovered = duty.end(restaurant_id, member_id, txn)
    restaurant = restaurants.get(restaurant_id)
    if uncovered and restaurant:
        _tell(restaurant, uncovered, txn)


def logged_out(login: Login) -> None:
    """A login has ended: a member who has no other one cannot be reached, and goes off duty."""
    if login["actor"]["kind"] == "device":
        member_id = login.get("member_id")
        if not member_id or any(each["member_id"] == member_id for each in logins.devices_of(login["restaurant_id"])):
            return
        places = [(restaurants.get(login["restaurant_id"]), member_id)]
    else:
        user_id = login["actor"]["id"]
        if logins.of_person(user_id):
            return
        found = [(each, restaurants.member_of(each, user_id)) for each in restaurants.of_user(user_id)]
        places = [(each, member["id"]) for each, member in found if member]
    for restaurant, member_id in places:
        if restaurant and duty.entry_of(restaurant, member_id, clock.now()):
            leave(restaurant["_id"], member_id)


def _tell(restaurant: Restaurant, uncovered: Uncovered, txn: ClientSession | None) -> None:
    """Enqueue a push message to managers and owners but the one who leaves; a mail where none of them has a phone."""
    others = [member for member in restaurant["members"] if member["id"] != uncovered.member_id]
    occasion = f"uncovered:{restaurant['_id']}:{uncovered.member_id}:{clock.milliseconds(uncovered.since)}"
    left: Restaurant = {**restaurant, "members": others}
    about = {"table_ids": uncovered.tables, "zone_ids": uncovered.zones}
    if not messages.enqueue(left, "uncovered", None, txn, occasion, **about):
        mails.about_uncovered(left, occasion, uncovered.tables, uncovered.zones, txn)
