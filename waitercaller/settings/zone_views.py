"""The page of zones: add, rename, reorder, remove."""

from collections import Counter

from bson import ObjectId
from flask import abort, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pymongo.client_session import ClientSession

from waitercaller.db.client import transaction
from waitercaller.model import restaurants, settings, tables
from waitercaller.settings import blueprint, zones
from waitercaller.settings.forms import MoveForm, ZoneForm
from waitercaller.settings.views import saved
from waitercaller.web import access
from waitercaller.web.forms import ButtonForm, text_of


@blueprint.get("/zones", endpoint="zones")
@access.least("owner")
def show_zones(restaurant_id: ObjectId) -> ResponseReturnValue:
    """The zones in their order."""
    return _page(restaurant_id, ZoneForm())


@blueprint.post("/zones")
@access.least("owner")
def add_zone(restaurant_id: ObjectId) -> ResponseReturnValue:
    """Add a zone."""
    form = ZoneForm()
    if not form.validate():
        return _page(restaurant_id, form), 400
    name = text_of(form.zone_name)
    try:
        changed = settings.change(restaurant_id, lambda now: zones.add(now, restaurants.new_id(), name))
    except ValueError:
        form.zone_name.errors = [_("Another zone has this name.")]
    except restaurants.TooManyZones:
        form.zone_name.errors = [_("A restaurant can have %(number)d zones at most.", number=restaurants.MAX_ZONES)]
    else:
        return saved(restaurant_id, "zones", changed, "settings.zones", name=name)
    return _page(restaurant_id, form), 400


@blueprint.post("/zones/<zone_id>")
@access.least("owner")
def rename_zone(restaurant_id: ObjectId, zone_id: str) -> ResponseReturnValue:
    """Rename a zone; live requests keep the old name."""
    form = ZoneForm()
    if form.validate():
        name = text_of(form.zone_name)
        try:
            changed = settings.change(restaurant_id, lambda now: zones.rename(now, zone_id, name))
        except ValueError:
            form.zone_name.errors = [_("Another zone has this name.")]
        else:
            return saved(restaurant_id, "zones", changed, "settings.zones", name=name)
    return _page(restaurant_id, form, zone_id), 400


@blueprint.post("/zones/<zone_id>/move")
@access.least("owner")
def move_zone(restaurant_id: ObjectId, zone_id: str) -> ResponseReturnValue:
    """Move a zone up or down."""
    form = MoveForm()
    if not form.validate():
        abort(400)
    changed = settings.change(restaurant_id, lambda now: zones.move(now, zone_id, form.steps))
    return saved(restaurant_id, "zones", changed, "settings.zones")


@blueprint.post("/zones/<zone_id>/remove")
@access.least("owner")
def remove_zone(restaurant_id: ObjectId, zone_id: str) -> ResponseReturnValue:
    """Remove a zone; its tables stay without a zone."""
    if not ButtonForm().validate():
        abort(400)
    gone = next((zone for zone in settings.get(restaurant_id)["zones"] if zone["id"] == zone_id), None) or abort(404)

    def work(txn: ClientSession | None) -> None:
        settings.change(restaurant_id, lambda now: zones.remove(now, zone_id), txn)
        tables.leave_zone(restaurant_id, zone_id, txn)

    transaction(work)
    restaurants.forget(restaurant_id)
    return saved(restaurant_id, "zones", True, "settings.zones", name=gone["name"])


def _page(restaurant_id: ObjectId, form: ZoneForm, renaming: str | None = None) -> str:
    """The list of zones, with the form of a new zone or, for `renaming`, of an existing one."""
    restaurant = settings.get(restaurant_id)
    counts = Counter(table["zone_id"] for table in tables.of_restaurant(restaurant_id))
    rows = [{**zone, "tables": counts[zone["id"]]} for zone in restaurant["zones"]]
    if renaming is not None and all(row["id"] != renaming for row in rows):
        abort(404)
    return render_template("settings/zones.html", zones=rows, form=form, renaming=renaming)
