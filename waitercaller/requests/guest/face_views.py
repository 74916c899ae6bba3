"""The restaurant's colour and logo on the guest's page, each under an address whose content never changes."""

from flask import Response, abort
from flask.typing import ResponseReturnValue

from waitercaller.model import colours, face
from waitercaller.requests.guest import blueprint
from waitercaller.web import access, caching


@blueprint.get("/colour/<string(length=6):colour>.css")
@access.anyone
def colour_style(colour: str) -> ResponseReturnValue:
    """The style that sets this colour, on light pages and on dark ones."""
    light = f"#{colour}"
    if not colours.COLOUR.fullmatch(light):
        abort(404)
    dark = f":root{{--brand:{colours.in_dark(light)}}}"
    style = f":root{{--brand:{light}}}@media screen and (prefers-color-scheme:dark){{{dark}}}"
    return caching.for_a_year(Response(style, mimetype="text/css"))


@blueprint.get("/logo/<string(length=32):logo_id>.webp")
@access.anyone
def logo(logo_id: str) -> ResponseReturnValue:
    """A restaurant's logo."""
    found = face.logo(logo_id)
    if found is None:
        abort(404)
    return caching.for_a_year(Response(found["small"], mimetype="image/webp"))
