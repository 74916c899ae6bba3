"""Entering a call for a guest who waved: the tables, then the kinds; two taps, the same clock as a guest's call."""

import re
import secrets

from bson import ObjectId
from flask import abort, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from waitercaller.alerts import due_steps
from waitercaller.model import joins, table_lists, tables
from waitercaller.model.languages import in_language, table_title
from waitercaller.model.requests import transitions
from waitercaller.model.standard_kinds import in_order
from waitercaller.requests.dashboard import actors, answers, blueprint
from waitercaller.web import access
from waitercaller.web.languages import current_language

KEY = re.compile("[0-9a-f]{32}")  # the one-time key of a page


@blueprint.get("/r/<objectid:restaurant_id>/enter")
@access.least("waiter", devices=True)
def choose_table(restaurant_id: ObjectId) -> ResponseReturnValue:
    """The restaurant's tables by zone, as links to their kinds."""
    groups = table_lists.by_zone(access.current_restaurant(), tables.of_restaurant(restaurant_id))
    return render_template("requests/dashboard/enter_table.html", groups=groups)


@blueprint.get("/r/<objectid:restaurant_id>/tables/<objectid:table_id>/enter")
@access.least("waiter", devices=True)
def choose_kind(restaurant_id: ObjectId, table_id: ObjectId) -> ResponseReturnValue:
    """The kinds of a table's call, as buttons."""
    table = tables.get(restaurant_id, table_id) or abort(404)
    language = current_language()
    kinds = [
        {
            "id": kind["id"],
            "name": in_language(kind["labels"], language),
            "icon": kind["icon"],
            "choices": [{"id": each["id"], "name": in_language(each["names"], language)} for each in kind["choices"]],
        }
        for kind in in_order(access.current_restaurant()["kinds"])
    ]
    name = joins.as_one(access.current_restaurant(), table)["name"]
    return render_template(
        "requests/dashboard/enter_kind.html", table=table, name=name, kinds=kinds, key=secrets.token_hex(16)
    )


@blueprint.post("/r/<objectid:restaurant_id>/tables/<objectid:table_id>/enter")
@access.least("waiter", devices=True)
def enter(restaurant_id: ObjectId, table_id: ObjectId) -> ResponseReturnValue:
    """Open a request as by staff, or remind of the live one of the same kind; possible while closed or paused."""
    table, key = tables.get(restaurant_id, table_id) or abort(404), request.form.get("key", "")
    kind_id, _slash, choice_id = request.form.get("kind", "").partition("/")
    kind = next((each for each in in_order(access.current_restaurant()["kinds"]) if each["id"] == kind_id), None)
    choice = next((each for each in kind["choices"] if each["id"] == choice_id), None) if kind else None
    if kind is None or (choice_id and choice is None) or not KEY.fullmatch(key):
        abort(400)
    restaurant = access.current_restaurant()
    by = actors.actor_or_device()
    opened = transitions.open_request(restaurant, table, kind, key, choice=choice, by=by)
    due_steps.take_now([opened])
    name = in_language(kind["labels"], current_language())
    title = table_title(opened["table_name"])
    return answers.respond(restaurant_id, True, _("%(table)s: %(kind)s.", table=title, kind=name))
