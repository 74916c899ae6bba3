"""The pages of kinds: list and order, texts and choices of each, notes, and the question afterwards."""

from typing import Any, Literal

from bson import ObjectId
from flask import abort, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from waitercaller.model import restaurants, settings
from waitercaller.model.languages import LANGUAGES, in_language
from waitercaller.model.requests import opinions
from waitercaller.model.restaurants import Restaurant
from waitercaller.model.standard_kinds import SOUNDS, Kind, in_order
from waitercaller.settings import blueprint, kinds
from waitercaller.settings.forms import MoveForm, SwitchForm
from waitercaller.settings.kind_forms import ICONS, KindForm
from waitercaller.settings.merging import Conflict
from waitercaller.settings.views import saved
from waitercaller.web import access
from waitercaller.web.errors import DomainError
from waitercaller.web.forms import ButtonForm, refused
from waitercaller.web.languages import current_language


@blueprint.get("/kinds")
@access.least("owner")
def all_kinds(restaurant_id: ObjectId) -> ResponseReturnValue:
    """The offered kinds in order, and the archived ones."""
    restaurant = settings.get(restaurant_id)
    return render_template(
        "settings/kinds.html",
        offered=[_row(restaurant, kind) for kind in in_order(restaurant["kinds"])],
        archived=[_row(restaurant, kind) for kind in in_order(restaurant["kinds"], active=False)],
        is_full=len(in_order(restaurant["kinds"])) >= kinds.MAX_OFFERED,
        notes=bool(restaurant["settings"].get("notes")),
        opinions=opinions.are_asked_for(restaurant),
    )


@blueprint.route("/kinds/new", methods=["GET", "POST"])
@access.least("owner")
def new_kind(restaurant_id: ObjectId) -> ResponseReturnValue:
    """Add a kind."""
    restaurant = settings.get(restaurant_id)
    form = _form(restaurant)
    if not form.is_submitted():
        form.show(kinds.values_of(None, restaurant["languages"]))
        return render_template("settings/kind.html", form=form, kind=None, **_form_context(restaurant))
    if not form.validate():
        return refused("settings/kind.html", form, kind=None, **_form_context(restaurant))
    kind_id, values = restaurants.new_id(), form.values()
    try:
        settings.change(restaurant_id, lambda now: kinds.add(now, kind_id, values))
    except kinds.TooManyKinds:
        raise _too_many() from None
    return saved(restaurant_id, "kinds", True, "settings.all_kinds", name=values["names"][form.main])


@blueprint.route("/kinds/<kind_id>", methods=["GET", "POST"])
@access.least("owner")
def kind(restaurant_id: ObjectId, kind_id: str) -> ResponseReturnValue:
    """Edit a kind."""
    restaurant = settings.get(restaurant_id)
    present, form = kinds.find(restaurant, kind_id), _form(restaurant)
    context = {"kind": _row(restaurant, present), **_form_context(restaurant)}
    if not form.is_submitted():
        form.show(kinds.values_of(present, restaurant["languages"]))
        return render_template("settings/kind.html", form=form, **context)
    if not form.validate():
        return refused("settings/kind.html", form, **context)
    seen, sent = form.seen_values(), form.values()
    try:
        changed = settings.change(restaurant_id, lambda now: kinds.edit(now, kind_id, seen, sent))
    except Conflict as conflict:
        form.show_conflict(conflict, sent)
        return render_template("settings/kind.html", form=form, **context), 409
    return saved(restaurant_id, "kinds", changed, "settings.all_kinds", name=sent["names"][form.main])


@blueprint.post("/kinds/<kind_id>/move")
@access.least("owner")
def move_kind(restaurant_id: ObjectId, kind_id: str) -> ResponseReturnValue:
    """Move a kind up or down."""
    form = MoveForm()
    if not form.validate():
        abort(400)
    changed = settings.change(restaurant_id, lambda now: kinds.move(now, kind_id, form.steps))
    return saved(restaurant_id, "kinds", changed, "settings.all_kinds")


@blueprint.post("/kinds/<kind_id>/archive")
@access.least("owner")
def archive_kind(restaurant_id: ObjectId, kind_id: str) -> ResponseReturnValue:
    """Archive a kind; live requests are not changed."""
    return _set_active(restaurant_id, kind_id, active=False)


@blueprint.post("/kinds/<kind_id>/offer")
@access.least("owner")
def offer_kind(restaurant_id: ObjectId, kind_id: str) -> ResponseReturnValue:
    """Offer an archived kind again."""
    return _set_active(restaurant_id, kind_id, active=True)


@blueprint.post("/notes")
@access.least("owner")
def notes(restaurant_id: ObjectId) -> ResponseReturnValue:
    """Allow notes, or not."""
    return _switch(restaurant_id, "notes")


@blueprint.post("/opinions", endpoint="opinions")
@access.least("owner")
def ask_for_opinions(restaurant_id: ObjectId) -> ResponseReturnValue:
    """Ask guests whether it was all right, or not."""
    return _switch(restaurant_id, "opinions")


def _switch(restaurant_id: ObjectId, name: Literal["notes", "opinions"]) -> ResponseReturnValue:
    form = SwitchForm()
    if not form.validate():
        abort(400)
    is_on = form.on.data == "yes"
    changed = settings.change(restaurant_id, lambda now: {"settings": {**now["settings"], name: is_on}})
    return saved(restaurant_id, name, changed, "settings.all_kinds")


def _set_active(restaurant_id: ObjectId, kind_id: str, active: bool) -> ResponseReturnValue:
    if not ButtonForm().validate():
        abort(400)
    try:
        changed = settings.change(restaurant_id, lambda now: kinds.set_active(now, kind_id, active))
    except kinds.LastKind:
        raise DomainError(_("Guests need something to tap. Add another one first.")) from None
    except kinds.TooManyKinds:
        raise _too_many() from None
    return saved(restaurant_id, "kinds", changed, "settings.all_kinds")


def _row(restaurant: Restaurant, kind: Kind) -> dict[str, Any]:
    """A kind as a row of the list."""
    main = restaurant["languages"][0]
    return {
        "id": kind["id"],
        "icon": kind["icon"],
        "active": kind["active"],
        "name": in_language(kind["names"], main),
        "label": in_language(kind["labels"], current_language()),
        "choices": [in_language(choice["names"], main) for choice in kind["choices"]],
        "limits": _limits(restaurant, kind),
        "missing": [LANGUAGES[code] for code in restaurant["languages"] if not kind["names"].get(code)],
    }


def _form(restaurant: Restaurant) -> KindForm:
    form = KindForm()
    form.main = restaurant["languages"][0]
    form.zones.choices = [(zone["id"], zone["name"]) for zone in restaurant["zones"]]
    return form


def _limits(restaurant: Restaurant, kind: Kind) -> list[str]:
    """Where and when it is offered, in words; nothing where it is everywhere and always."""
    hours = kind.get("hours")
    zones = [zone["name"] for zone in restaurant["zones"] if zone["id"] in kind.get("zones", [])]
    return [*zones, *([f"{hours['opens']}–{hours['closes']}"] if hours else [])]


def _form_context(restaurant: Restaurant) -> dict[str, Any]:
    """Template context of the form of a kind, without the form."""
    first, *others = restaurant["languages"]
    return {
        "main": first,
        "others": others,
        "all": LANGUAGES,
        "label_languages": kinds.label_languages(restaurant["languages"]),
        "icons": ICONS,
        "sounds": SOUNDS,
    }


def _too_many() -> DomainError:
    return DomainError(_("At most %(number)d at a time, or guests read too long.", number=kinds.MAX_OFFERED))
