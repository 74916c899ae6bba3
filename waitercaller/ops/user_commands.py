"""`flask users`: list, disable, enable, and turn off a lost second factor. Nothing is ever deleted here."""

from collections.abc import Callable
from typing import Any

import click
from bson import ObjectId
from flask.cli import AppGroup
from pymongo.client_session import ClientSession

from waitercaller.db.client import patiently, transaction
from waitercaller.mail import outbox
from waitercaller.model import logins, restaurants, second_factors, users
from waitercaller.model.users import User
from waitercaller.ops import dialogue
from waitercaller.web import audit

group = AppGroup("users", help="List accounts, disable and enable one, turn off a lost second factor.")


@group.command("list")
@dialogue.AS_JSON
def list_all(as_json: bool) -> None:
    """List all accounts, the oldest first: id, state, day of registration, last login, second factor, address, name."""
    with patiently():
        found = [_about(each) for each in users.everybody()]
    if as_json:
        dialogue.echo_json(found)
    else:
        dialogue.echo(*map(dialogue.headline, found) if found else ["Nobody has an account."])


@group.command("disable")
@click.argument("email")
@dialogue.YES
@dialogue.AS_JSON
def disable(email: str, yes: bool, as_json: bool) -> None:
    """End all logins of the account with this address, and let it log in no more."""
    with patiently():
        user = _user(email)
        if user.get("disabled_at"):
            raise click.ClickException("This account is disabled already.")
        changes = [
            "All their logins end, on their phones too, and they cannot log in.",
            *(f"{name} has no other owner: it goes on, and nobody can change it." for name in _only_owner_of(user)),
            f"Nothing is deleted: waitercaller users enable {user['email']} undoes it.",
        ]
        dialogue.change("Disable it?", _about(user), changes, lambda: _disable(user), yes, as_json)


@group.command("enable")
@click.argument("email")
@dialogue.YES
@dialogue.AS_JSON
def enable(email: str, yes: bool, as_json: bool) -> None:
    """Let a disabled account log in again."""
    with patiently():
        user = _user(email)
        if not user.get("disabled_at"):
            raise click.ClickException("This account is not disabled.")
        act = _recorded("enabled", user["_id"], lambda: users.enable(user["_id"]))
        dialogue.change("Enable it?", _about(user), ["They can log in again."], act, yes, as_json)


@group.command("reset-two-factor")
@click.argument("email")
@dialogue.YES
@dialogue.AS_JSON
def reset_two_factor(email: str, yes: bool, as_json: bool) -> None:
    """Turn off two-factor login for somebody who has lost the phone and the recovery codes.

    Verify the identity of the user first.
    """
    with patiently():
        user = _user(email)
        if not user.get("two_factor"):
            raise click.ClickException("They have no two-factor login.")
        changes = ["Logging in takes their password only.", "All their logins end.", "They are told by mail."]
        act = _recorded("two_factor_off", user["_id"], lambda: transaction(lambda txn: _turn_off(user, txn)))
        dialogue.change("Turn it off?", _about(user), changes, act, yes, as_json)


def _disable(user: User) -> bool:
    def work(txn: ClientSession | None) -> bool:
        if not users.disable(user["_id"], txn):
            return False
        logins.end_all(user["_id"], txn)
        for restaurant in restaurants.of_user(user["_id"], txn):
            member = restaurants.member_of(restaurant, user["_id"])
            if member:
                logins.end_devices(restaurant["_id"], txn, member_id=member["id"])
        return True

    return _recorded("disabled", user["_id"], lambda: transaction(work))()


def _turn_off(user: User, txn: ClientSession | None) -> bool:
    if not second_factors.turn_off(user["_id"], txn):
        return False
    logins.end_all(user["_id"], txn)
    outbox.enqueue("two_factor_notice", user["email"], txn=txn, what="off")
    return True


def _recorded(event: str, user_id: ObjectId, act: Callable[[], bool]) -> Callable[[], bool]:
    """`act`, recorded in the audit if it changes something."""

    def recorded() -> bool:
        done = act()
        if done:
            audit.record(event, user_id=user_id, by="operator")
        return done

    return recorded


def _user(email: str) -> User:
    user = users.with_address(email.strip().lower())
    if user is None:
        raise click.ClickException("Nobody has this address.")
    return user


def _only_owner_of(user: User) -> list[str]:
    """The names of the restaurants whose only owner this is."""
    return [
        restaurant["name"]
        for restaurant in restaurants.of_user(user["_id"])
        if [each["user_id"] for each in restaurant["members"] if each["role"] == "owner"] == [user["_id"]]
    ]


def _about(user: User) -> dict[str, Any]:
    return {
        "id": user["_id"],
        "state": "disabled" if user.get("disabled_at") else "active",
        "created_at": user["created_at"],
        "logged_in_at": user.get("logged_in_at"),
        "two_factor": "two-factor" if user.get("two_factor") else "",
        "email": user["email"],
        "name": user["name"],
    }
