"""The page of the restaurant's face: logo, colour and links."""

import base64

from bson import ObjectId
from flask import render_template, request
from flask.typing import ResponseReturnValue
from flask_login import current_user
from werkzeug.exceptions import RequestEntityTooLarge

from waitercaller.db.client import Changes
from waitercaller.model import colours, face, settings, tables
from waitercaller.model.restaurants import Restaurant
from waitercaller.settings import blueprint, logo
from waitercaller.settings.face_forms import USUAL_COLOUR, FaceForm, face_with, values_of
from waitercaller.settings.merging import Conflict, Values, merged
from waitercaller.settings.views import saved
from waitercaller.web import access, limits
from waitercaller.web.errors import error_page

HERE, UPLOAD = "settings.face", "settings.set_logo"
REST_OF_THE_FORM = 8 * 1024  # bytes, beside the file
# Bytes that Werkzeug holds while it looks for the end of the file: a block of 64 KB, and what may begin a boundary.
MAX_UNREAD = 256 * 1024


@blueprint.url_value_preprocessor
def _expect_a_picture(endpoint: str | None, _values: object) -> None:
    """A logo may be larger than all other forms, if whoever sends it is logged in."""
    if endpoint == UPLOAD and current_user.is_authenticated:
        request.max_content_length = logo.MAX_FILE_BYTES + REST_OF_THE_FORM
        request.max_form_memory_size = MAX_UNREAD


@blueprint.errorhandler(RequestEntityTooLarge)
def too_large(_error: RequestEntityTooLarge) -> ResponseReturnValue:
    """What is too large is not read, so there is no form to show again."""
    is_logo = request.endpoint == UPLOAD and current_user.is_authenticated
    return error_page(413, str(logo.TOO_LARGE) if is_logo else "")


@blueprint.route("/face", methods=["GET", "POST"], endpoint="face")
@access.least("owner")
def face_page(restaurant_id: ObjectId) -> ResponseReturnValue:
    """The logo, and the form of colour and links."""
    form = FaceForm()
    if not form.is_submitted():
        return _page(restaurant_id, _shown(restaurant_id))
    if not form.validate():
        return _page(restaurant_id, form), 400
    seen, sent = form.seen_values(), form.values()
    try:
        changed = settings.change(restaurant_id, lambda now: _fields(now, seen, sent))
    except Conflict as conflict:
        form.show_conflict(conflict, sent)
        return _page(restaurant_id, form), 409
    return saved(restaurant_id, "face", changed, HERE)


@blueprint.post("/face/logo")
@access.least("owner")
def set_logo(restaurant_id: ObjectId) -> ResponseReturnValue:
    """Set the logo."""
    limits.check("logo", str(restaurant_id))
    file = request.files.get("logo")
    try:
        pictures = logo.drawn(file.stream.read() if file else b"")
    except logo.Refused as refusal:
        return _page(restaurant_id, _shown(restaurant_id), logo_problem=str(refusal)), 400
    return saved(restaurant_id, "face", face.set_logo(restaurant_id, pictures), HERE)


@blueprint.post("/face/logo/remove")
@access.least("owner")
def remove_logo(restaurant_id: ObjectId) -> ResponseReturnValue:
    """Remove the logo."""
    return saved(restaurant_id, "face", face.remove_logo(restaurant_id), HERE)


def _shown(restaurant_id: ObjectId) -> FaceForm:
    """The form as it is before anything is changed on the page."""
    form = FaceForm()
    form.show(values_of(face.of(settings.get(restaurant_id))))
    return form


def _fields(restaurant: Restaurant, seen: Values, sent: Values) -> Changes:
    before = face.of(restaurant)
    return face.changed(restaurant, face_with(before, merged(values_of(before), seen, sent)))


def _page(restaurant_id: ObjectId, form: FaceForm, logo_problem: str = "") -> str:
    present = face.of(settings.get(restaurant_id))
    found = face.logo(present["logo"]) if "logo" in present else None
    colour = form.offered or present.get("colour", USUAL_COLOUR)
    return render_template(
        "settings/face.html",
        form=form,
        logo="data:image/webp;base64," + base64.b64encode(found["small"]).decode() if found else "",
        logo_problem=logo_problem,
        looks=[
            (colour, colours.WHITE, colours.WHITE),
            (colours.in_dark(colour), colours.DARK_LETTERS, colours.DARK_SURFACE),
        ],
        table=next(iter(tables.of_restaurant(restaurant_id)), None),
    )
