"""`flask restaurants`: list, show, suspend and restore. Nothing is ever deleted here."""

from collections.abc import Sequence
from typing import Any

import click
from bson import ObjectId
from flask.cli import AppGroup
from pymongo.client_session import ClientSession

from waitercaller.db.client import patiently, transaction
from waitercaller.model import logins, restaurants, tables, tenancy, users
from waitercaller.model.requests import queries, transitions
from waitercaller.model.restaurants import Restaurant
from waitercaller.ops import dialogue
from waitercaller.web import audit

group = AppGroup("restaurants", help="List restaurants, show one, suspend and restore it.")


@group.command("list")
@dialogue.AS_JSON
def list_all(as_json: bool) -> None:
    """List all restaurants, the oldest first: id, state, day of registration, members, name."""
    with patiently():
        found = [_about(each) for each in tenancy.present()]
    if as_json:
        dialogue.echo_json(found)
    else:
        dialogue.echo(*map(dialogue.headline, found) if found else ["There is no restaurant."])


@group.command("show")
@click.argument("restaurant")
@dialogue.AS_JSON
def show(restaurant: str, as_json: bool) -> None:
    """Show a restaurant, by its id or its name: members with their addresses, tables, devices, waiting calls."""
    with patiently():
        found = _found(restaurant)
        about = {**_about(found), **_details(found)}
    if as_json:
        dialogue.echo_json(about)
        return
    dialogue.echo(dialogue.headline(_about(found)))
    dialogue.echo(*(f"  {each['role']}: {each['name']} <{each['email'] or 'no account'}>" for each in about["people"]))
    dialogue.echo(f"  {about['tables']} tables, {about['devices']} devices, {about['live_calls']} calls that wait")


@group.command("suspend")
@click.argument("restaurant")
@dialogue.YES
@dialogue.AS_JSON
def suspend(restaurant: str, yes: bool, as_json: bool) -> None:
    """Suspend a restaurant, by its id or its name: no call reaches it, and its pages say so."""
    with patiently():
        found = _found(restaurant)
        if found.get("suspended_at"):
            raise click.ClickException("It is suspended already.")
        devices = logins.devices_of(found["_id"])
        changes = [
            "Guests who scan a code, or have its page open, read that they should wave to the staff.",
            f"No call reaches {_counted('member', found['members'])} and {_counted('device', devices)}; they read why.",
            f"{_counted('waiting call', queries.live_of_restaurant(found['_id']))}: ended.",
            f"Nothing is deleted: waitercaller restaurants restore {found['_id']} undoes it.",
        ]
        dialogue.change("Suspend it?", _about(found), changes, lambda: _change(found["_id"], "suspended"), yes, as_json)


@group.command("restore")
@click.argument("restaurant")
@dialogue.YES
@dialogue.AS_JSON
def restore(restaurant: str, yes: bool, as_json: bool) -> None:
    """Restore a suspended restaurant, by its id or its name."""
    with patiently():
        found = _found(restaurant)
        if not found.get("suspended_at"):
            raise click.ClickException("It is not suspended.")
        changes = ["Its guests can call again, and its members work as before.", "Calls from before do not come back."]
        dialogue.change("Restore it?", _about(found), changes, lambda: _change(found["_id"], "restored"), yes, as_json)


def _change(restaurant_id: ObjectId, event: str) -> bool:
    """Suspend or restore; False if it is so already.

    What is live ends in both cases: a call could have been made by a process that did not know of the suspension yet.
    """

    def work(txn: ClientSession | None) -> bool:
        if not (tenancy.suspend if event == "suspended" else tenancy.restore)(restaurant_id, txn):
            return False
        transitions.withdraw({"restaurant_id": restaurant_id}, txn)
        return True

    done = transaction(work)
    restaurants.forget(restaurant_id)
    if done:
        audit.record(event, restaurant_id=restaurant_id, by="operator")
    return done


def _found(name: str) -> Restaurant:
    """The restaurant with this id or name. Raises ClickException if there is none, or several of this name."""
    found = [each for each in tenancy.present() if name in (str(each["_id"]), each["name"])]
    if not found:
        raise click.ClickException("No restaurant has this id or name: waitercaller restaurants list shows all.")
    if len(found) > 1:
        ids = ", ".join(str(each["_id"]) for each in found)
        raise click.ClickException(f"{len(found)} restaurants have this name; give the id of one: {ids}.")
    return found[0]


def _about(restaurant: Restaurant) -> dict[str, Any]:
    return {
        "id": restaurant["_id"],
        "state": "suspended" if restaurant.get("suspended_at") else "active",
        "created_at": restaurant["created_at"],
        "members": len(restaurant["members"]),
        "name": restaurant["name"],
    }


def _details(restaurant: Restaurant) -> dict[str, Any]:
    restaurant_id = restaurant["_id"]
    addresses = users.addresses([each["user_id"] for each in restaurant["members"] if each["user_id"]])
    return {
        "suspended_at": restaurant.get("suspended_at"),
        "time_zone": restaurant["time_zone"],
        "people": [
            {"name": each["name"], "role": each["role"], "email": addresses.get(each["user_id"])}
            for each in restaurant["members"]
        ],
        "tables": len(tables.of_restaurant(restaurant_id)),
        "devices": len(logins.devices_of(restaurant_id)),
        "live_calls": len(queries.live_of_restaurant(restaurant_id)),
    }


def _counted(name: str, things: Sequence[object]) -> str:
    return f"{len(things)} {name}" if len(things) == 1 else f"{len(things)} {name}s"
