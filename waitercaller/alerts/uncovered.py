"""A member goes off duty, is removed, or has no login any more: managers are told of tables that are nobody's then.

Their calls go on by themselves: to the zone's, then to all on duty (see model/duty). What was handed over is not told.

A login ends in many ways (logged out, a new password, `flask end-logins`, a device removed, …). Whichever it was, the
login is checked here some seconds later: a member who had no other one cannot be reached, and goes off duty.
"""

import logging
from contextlib import suppress

from bson import ObjectId
from pymongo.client_session import ClientSession

from waitercaller import metrics
from waitercaller.alerts import mails, messages
from waitercaller.db import clock
from waitercaller.db.client import transaction
from waitercaller.db.faults import is_transient
from waitercaller.model import duty, logins, restaurants, settings
from waitercaller.model.duty import Uncovered
from waitercaller.model.logins import Login
from waitercaller.model.restaurants import Member, Restaurant

log = logging.getLogger(__name__)


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


def check_ended_logins() -> None:
    """Take off duty whoever had the logins that have ended and has no other one. Raises PyMongoError."""
    while ended := logins.unchecked():
        for login in ended:
            try:
                _leave_without_login(login)
            except Exception as error:  # whatever is wrong with one login, the others must be checked
                if is_transient(error):
                    raise
                metrics.BACKGROUND_FAULTS.labels("ended logins").inc()
                log.exception("could not check a login that has ended")
            logins.note_checked(login)


def _leave_without_login(login: Login) -> None:
    for restaurant, member in _whose(login):
        if duty.entry_of(restaurant, member["id"], clock.now()) and not _has_login(restaurant, member):
            with suppress(settings.Missing):  # the restaurant may be removed in the meantime
                leave(restaurant["_id"], member["id"])


def _whose(login: Login) -> list[tuple[Restaurant, Member]]:
    """The members whose login it was: a person's in each restaurant; a device's, unless it was a counter tablet."""
    actor, places = login["actor"], list[tuple[Restaurant | None, Member | None]]()
    if actor["kind"] == "person":
        places = [(each, restaurants.member_of(each, actor["id"])) for each in restaurants.of_user(actor["id"])]
    elif member_id := login.get("member_id"):
        restaurant = restaurants.get_even_removed(login["restaurant_id"])
        places = [(restaurant, restaurants.member_with_id(restaurant, member_id) if restaurant else None)]
    return [(restaurant, member) for restaurant, member in places if restaurant and member]


def _has_login(restaurant: Restaurant, member: Member) -> bool:
    """Whether a browser of this member is logged in, or a device of theirs."""
    if member["user_id"] and logins.of_person(member["user_id"]):
        return True
    return any(each.get("member_id") == member["id"] for each in logins.devices_of(restaurant["_id"]))


def _tell(restaurant: Restaurant, uncovered: Uncovered, txn: ClientSession | None) -> None:
    """Enqueue a push message to managers and owners but the one who leaves; a mail where none of them has a phone."""
    others = [member for member in restaurant["members"] if member["id"] != uncovered.member_id]
    occasion = f"uncovered:{restaurant['_id']}:{uncovered.member_id}:{clock.milliseconds(uncovered.since)}"
    left: Restaurant = {**restaurant, "members": others}
    about = {"table_ids": uncovered.tables, "zone_ids": uncovered.zones}
    if not messages.enqueue(left, "uncovered", None, txn, occasion, **about):
        mails.about_uncovered(left, occasion, uncovered.tables, uncovered.zones, txn)
