"""Codes to print: the page where one chooses what goes on which paper, and the PDF."""

import io
from typing import Any

from bson import ObjectId
from flask import redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from reportlab.lib.utils import ImageReader

from waitercaller.db.config import config
from waitercaller.model import face, tables
from waitercaller.model.restaurants import Restaurant
from waitercaller.model.tables import Table
from waitercaller.tables import blueprint, print_fonts, print_sheets, qr
from waitercaller.tables.print_form import ALL, NO_LANGUAGE, PrintForm, usual_languages
from waitercaller.tables.print_formats import FORMATS, usual
from waitercaller.tables.print_sheets import Place, Words
from waitercaller.tables.print_words import scan_line
from waitercaller.web import access, limits

MAX_NAMED = 5  # tables whose names cannot be printed whole


@blueprint.get("/print")
@access.least("manager")
def print_page(restaurant_id: ObjectId) -> ResponseReturnValue:
    """Choose what to print."""
    present = tables.of_restaurant(restaurant_id)
    return _page(_form(present, _defaults(present)), present)


@blueprint.get("/print.pdf")
@access.least("manager")
def print_pdf(restaurant_id: ObjectId) -> ResponseReturnValue:
    """The chosen codes as PDF."""
    present = tables.of_restaurant(restaurant_id)
    if not present:
        return redirect(url_for("tables.print_page", restaurant_id=restaurant_id), 303)
    form = _form(present, None if request.args else _defaults(present))
    if request.args and not form.validate():
        return _page(form, present), 400
    limits.check("print", str(restaurant_id))
    restaurant, chosen = access.current_restaurant(), FORMATS[form.format.data]
    lines = [each for each in (form.first.data, form.second.data) if each != NO_LANGUAGE]
    words = _words(restaurant, [(scan_line(each), each) for each in dict.fromkeys(lines)])
    places = [_place(table) for table in present if form.wants(table)]
    title = " · ".join([_("Codes to print"), restaurant["name"]])
    sheets = print_sheets.pdf(chosen, places, words, title, form.used_places(chosen))
    return send_file(io.BytesIO(sheets), "application/pdf", as_attachment=True, download_name=f"{chosen.id}.pdf")


def _form(present: list[Table], values: dict[str, Any] | None) -> PrintForm:
    form = PrintForm(data=values) if values else PrintForm()
    form.offer(access.current_restaurant(), present)
    return form


def _defaults(present: list[Table]) -> dict[str, Any]:
    """What is chosen at first; `?tables=` names one table."""
    restaurant = access.current_restaurant()
    first, second = usual_languages(restaurant)
    asked = request.args.get("tables", ALL)
    known = asked in {str(table["_id"]) for table in present}
    return {
        "format": usual(restaurant["time_zone"]),
        "tables": asked if known else ALL,
        "first": first,
        "second": second,
        "used": 0,
    }


def _page(form: PrintForm, present: list[Table]) -> str:
    lacking = [table["name"] for table in present if print_fonts.lacking(table["name"])]
    return render_template("tables/print.html", form=form, tables=present, lacking=lacking[:MAX_NAMED])


def _words(restaurant: Restaurant, lines: list[tuple[str, str]]) -> Words:
    own = face.of(restaurant)
    logo = face.logo(own["logo"]) if "logo" in own else None
    return Words(
        restaurant["name"],
        lines,
        usual_languages(restaurant)[0],
        own.get("colour", print_sheets.BRAND),
        ImageReader(io.BytesIO(logo["large"])) if logo else None,
    )


def _place(table: Table) -> Place:
    public_url, code = config().public_url, table["code"]
    return Place(table["name"], qr.address(public_url, code), qr.typed_address(public_url, code))
