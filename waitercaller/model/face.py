"""The face of a restaurant: logo, colour and links.

Its pictures are documents of their own (collection `logos`), since the restaurant's is read at every request. A logo
never changes: another one gets another id, which is written into the restaurant once the document is there.
"""

import hashlib
from datetime import datetime
from typing import NamedTuple, TypedDict, cast

from bson import ObjectId
from pymongo.collection import Collection

from waitercaller.db import clock
from waitercaller.db.client import Changes, db
from waitercaller.model import settings
from waitercaller.model.face_entry import Face
from waitercaller.model.restaurants import Restaurant, Settings

MAX_LINKS = 2


class Pictures(NamedTuple):
    """A logo in WebP, in two sizes."""

    small: bytes
    large: bytes


class Logo(TypedDict):
    """A logo (collection `logos`)."""

    _id: str  # 32 hexadecimal digits, from the restaurant and the picture
    restaurant_id: ObjectId
    small: bytes  # for the guest's page
    large: bytes  # for paper, mails and the app's icon
    created_at: datetime


def documents() -> Collection[Logo]:
    """The collection `logos`."""
    return cast(Collection[Logo], db().logos)


def of(restaurant: Restaurant) -> Face:
    """The restaurant's face; empty if it has none."""
    return restaurant["settings"].get("face", {})


def changed(restaurant: Restaurant, face: Face) -> Changes:
    """What is set where the restaurant gets this face."""
    others = cast(Settings, {name: value for name, value in restaurant["settings"].items() if name != "face"})
    return {"settings": {**others, "face": face} if face else others}


def without_logo(face: Face) -> Face:
    """All the rest of a face."""
    return cast(Face, {name: value for name, value in face.items() if name != "logo"})


def logo(logo_id: str) -> Logo | None:
    """The logo with this id."""
    return documents().find_one({"_id": logo_id})


def set_logo(restaurant_id: ObjectId, pictures: Pictures) -> bool:
    """Set the logo; returns whether it is another one than before. Raises Missing."""
    logo_id = hashlib.sha256(restaurant_id.binary + pictures.large).hexdigest()[:32]
    new = {"restaurant_id": restaurant_id, **pictures._asdict(), "created_at": clock.now()}
    documents().update_one({"_id": logo_id}, {"$setOnInsert": new}, upsert=True)
    return _replace_logo(restaurant_id, logo_id)


def remove_logo(restaurant_id: ObjectId) -> bool:
    """Remove the logo; returns whether there was one. Raises Missing."""
    return _replace_logo(restaurant_id, None)


def _replace_logo(restaurant_id: ObjectId, logo_id: str | None) -> bool:
    before: list[str] = []

    def decide(restaurant: Restaurant) -> Changes:
        face = of(restaurant)
        before[:] = [face["logo"]] if "logo" in face else []
        others = without_logo(face)
        return changed(restaurant, {**others, "logo": logo_id} if logo_id else others)

    is_new = settings.change(restaurant_id, decide)
    if is_new and before:
        documents().delete_one({"_id": before[0], "restaurant_id": restaurant_id})
    return is_new
