"""The start page of a logged-in visitor."""

from bson import ObjectId
from flask import url_for
from flask_login import current_user

from waitercaller.model import restaurants


def start_page() -> str:
    """The path of the start page of the logged-in device or person."""
    if current_user.user is None:
        return url_for("requests.dashboard.page", restaurant_id=current_user.login["restaurant_id"])
    return _start_page_of(current_user.user["_id"])


def _start_page_of(user_id: ObjectId) -> str:
    """The dashboard of the person's first restaurant, else the account page."""
    found = [each for each in restaurants.of_user(user_id) if not each.get("suspended_at")]
    return url_for("requests.dashboard.page", restaurant_id=found[0]["_id"]) if found else url_for("account.index")
