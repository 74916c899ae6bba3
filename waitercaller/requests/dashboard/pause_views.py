"""Pausing a table, lifting a pause, and the automatic pause of a phone after "nobody at the table"."""

from bson import ObjectId
from flask import abort
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from waitercaller.model import joins, pauses, tables
from waitercaller.model.languages import table_title
from waitercaller.model.requests import queries
from waitercaller.requests.dashboard import answers, blueprint
from waitercaller.web import access, audit


@blueprint.post("/r/<objectid:restaurant_id>/tables/<objectid:table_id>/pause")
@access.least("waiter", devices=True)
def pause_table(restaurant_id: ObjectId, table_id: ObjectId) -> ResponseReturnValue:
    """“Pause this table”: for 15 minutes its taps open no request, nor do those of tables that are joined with it."""
    table = joins.as_one(access.current_restaurant(), tables.get(restaurant_id, table_id) or abort(404))
    if not pauses.pause_table(table):
        return answers.respond(restaurant_id, False, _("%(table)s: paused already.", table=table_title(table["name"])))
    audit.record_limited("table_paused", restaurant_id=restaurant_id, name=table["name"])
    return answers.respond(
        restaurant_id, True, _("%(table)s: paused for 15 minutes.", table=table_title(table["name"]))
    )


@blueprint.post("/r/<objectid:restaurant_id>/pauses/<objectid:pause_id>/lift")
@access.least("waiter", devices=True)
def lift_pause(restaurant_id: ObjectId, pause_id: ObjectId) -> ResponseReturnValue:
    """“Let it call again”: end a pause early."""
    pause = pauses.lift(restaurant_id, pause_id)
    if pause is None:
        return answers.respond(restaurant_id, False, _("That pause is over already."))
    audit.record_limited("pause_lifted", restaurant_id=restaurant_id, name=pause["table_name"])
    return answers.respond(
        restaurant_id, True, _("%(table)s: calls are taken again.", table=table_title(pause["table_name"]))
    )


def review(restaurant_id: ObjectId, ids: list[ObjectId]) -> None:
    """After a dismissal or an undo, pause the phones that made these requests or lift their pauses: model/pauses."""
    requests = queries.with_ids({"restaurant_id": restaurant_id}, ids)
    for changed, paused in pauses.review(restaurant_id, requests):
        event = "phone_paused" if paused else "pause_lifted"
        audit.record_limited(event, restaurant_id=restaurant_id, name=changed["table_name"])
