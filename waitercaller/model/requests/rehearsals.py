"""Rehearsals: a test call to the whole restaurant, whose next steps are due REHEARSAL_SPEED times as fast as a guest's.

It is a request like that of a guest, taken, passed on and ended in the same way, but marked (`rehearsal`), and at no
table: in the place of a table's id it has the restaurant's own. So no guest sees it, and the unique index of live
requests allows one at a time. Figures leave out requests with this key.

An owner's first call (`first_call`) has the same mark, but comes from a phone, stands at a table and waits as long as a
guest's. A guest who calls for the same makes it a call: the mark goes.
"""

from datetime import timedelta
from operator import itemgetter
from typing import cast

from bson import ObjectId
from pymongo.errors import DuplicateKeyError

from waitercaller.db import clock
from waitercaller.model import duty, logins, presence, service_request, subscriptions
from waitercaller.model.rehearsal_entry import Rehearsal, RehearsalPhone, RehearsalScreen
from waitercaller.model.restaurants import Actor, Restaurant
from waitercaller.model.service_request import ServiceRequest, documents
from waitercaller.model.standard_kinds import Kind
from waitercaller.model.tables import Table

KIND = "rehearsal"
NAME = "Test"  # in the place of a table's name, which may not be empty; pages say "Test call" in their language
KEPT_FOR = timedelta(days=1)  # for which it can be read; as long as the messages and their signatures are kept


class UnderWay(Exception):
    """Another rehearsal of this restaurant is live; nothing was written."""

    def __init__(self, request_id: ObjectId) -> None:
        super().__init__(str(request_id))
        self.request_id = request_id


def begin(restaurant: Restaurant, by: Actor) -> ServiceRequest:
    """A new rehearsal, asked for by this member; possible while closed. Raises UnderWay."""
    place = cast(Table, {"_id": restaurant["_id"], "name": NAME, "zone_id": None})
    kind = cast(Kind, {"id": KIND, "labels": {}})
    request = service_request.new(restaurant, place, kind, str(ObjectId()), expected(restaurant))
    request["steps"][0]["by"] = by
    try:
        documents().insert_one(request)
    except DuplicateKeyError:
        if live := documents().find_one({**_at_no_table(restaurant["_id"]), "kind": KIND, "live": True}):
            raise UnderWay(live["_id"]) from None
        return begin(restaurant, by)  # that one has just ended
    return request


def find(restaurant_id: ObjectId, request_id: ObjectId) -> ServiceRequest | None:
    """The rehearsal with this id, within KEPT_FOR."""
    found = documents().find_one({"_id": request_id, **_at_no_table(restaurant_id)})
    return found if found and _is_kept(found) else None


def latest(restaurant_id: ObjectId) -> ServiceRequest | None:
    """The latest rehearsal of a restaurant, within KEPT_FOR."""
    found = max(documents().find(_at_no_table(restaurant_id)), key=itemgetter("created_at"), default=None)
    return found if found and _is_kept(found) else None


def _is_kept(request: ServiceRequest) -> bool:
    return request["created_at"] > clock.now() - KEPT_FOR


def _at_no_table(restaurant_id: ObjectId) -> dict[str, object]:
    return {"restaurant_id": restaurant_id, "table_id": restaurant_id}


def expected(restaurant: Restaurant) -> Rehearsal:
    """The open screens, the counter's devices that are not open, and the phones of those who are told of calls."""
    opened = presence.open_screens(restaurant["_id"])
    screens: list[RehearsalScreen] = [
        {
            "id": each["id"],
            "member_id": each["member_id"],
            "device": None if each["member_id"] else each["name"],
            "visible": each["visible"],
            "audible": each["audible"],
        }
        for each in opened
    ]
    counter = {each["name"] for each in opened if each["member_id"] is None}
    for login in logins.devices_of(restaurant["_id"]):
        if login["member_id"] is None and login["name"] not in counter:
            closed = {"id": None, "member_id": None, "visible": False, "audible": False}
            screens.append(cast(RehearsalScreen, {**closed, "device": login["name"]}))
    told = duty.on_duty(restaurant, clock.now())
    told |= {member["id"] for member in restaurant["members"] if member["role"] != "waiter"}
    phones: list[RehearsalPhone] = [
        {"id": each["_id"], "member_id": each["member_id"]}
        for each in subscriptions.of_restaurant(restaurant["_id"])
        if each["choice"] != "none" and each["member_id"] in told
    ]
    return {"screens": screens, "phones": phones}
