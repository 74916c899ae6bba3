"""The page at which a login starts."""

from bson import ObjectId
from flask import url_for
from flask_login import current_user

from waitercaller.model import restaurants


def start_page() -> str:
    """Where whoever is logged in here begins: a screen with its restaurant's calls, a person where the work is."""
    if current_user.user is None:
        return url_for("requests.dashboard.page", restaurant_id=current_user.login["restaurant_id"])
    return workplace(current_user.user["_id"])


def workplace(user_id: ObjectId) -> str:
    """The address where a person's work is: the dashboard of the first restaurant, else the account."""
    places = restaurants.of_user(user_id)
    return url_for("requests.dashboard.page", restaurant_id=places[0]["_id"]) if places else url_for("account.index")
