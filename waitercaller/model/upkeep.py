"""What operators' scripts have done, the last time of each: a backup, and a restore that was tried (deploy/*.sh)."""

from datetime import datetime
from typing import Literal, TypedDict, cast

from pymongo.collection import Collection

from waitercaller.db import clock
from waitercaller.db.client import db

Work = Literal["backup", "drill"]


class Upkeep(TypedDict):
    """The last backup, or the last drill (collection `upkeep`)."""

    _id: Work
    at: datetime  # when it was done
    file: str  # the backup's name, without its folder
    seconds: int  # how long it took


def documents() -> Collection[Upkeep]:
    """The collection `upkeep`."""
    return cast(Collection[Upkeep], db().upkeep)


def note(work: Work, file: str, seconds: int) -> None:
    """Note that this has just been done."""
    done = {"at": clock.now(), "file": file, "seconds": seconds}
    documents().update_one({"_id": work}, {"$set": done}, upsert=True)


def noted() -> dict[Work, Upkeep]:
    """What was done last."""
    return {each["_id"]: each for each in documents().find()}
