"""Operators: who may open the page of diagnostics, a role of the installation. It is given on the command line only."""

from bson import ObjectId
from pymongo import ASCENDING

from waitercaller.db import clock
from waitercaller.model import users
from waitercaller.model.users import User


def add(user_id: ObjectId) -> bool:
    """Make this user an operator; False if they are one."""
    other = {"_id": user_id, "operator_since": None}
    return bool(users.documents().update_one(other, {"$set": {"operator_since": clock.now()}}).modified_count)


def remove(user_id: ObjectId) -> bool:
    """Take the role from this user; False if they do not have it."""
    operator = {"_id": user_id, "operator_since": {"$ne": None}}
    return bool(users.documents().update_one(operator, {"$unset": {"operator_since": ""}}).modified_count)


def everybody() -> list[User]:
    """All operators, by address; reads all users, so it needs the client without a time limit."""
    return list(users.documents().find({"operator_since": {"$ne": None}}).sort("email", ASCENDING))
