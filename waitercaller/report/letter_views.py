"""The choice whether one gets the letter on Mondays."""

from bson import ObjectId
from flask import abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from waitercaller.model import letters
from waitercaller.report import blueprint, periods
from waitercaller.web import access
from waitercaller.web.forms import ButtonForm


@blueprint.post("/report/letter")
@access.least("owner")
def choose_letter(restaurant_id: ObjectId) -> ResponseReturnValue:
    """Get the letter, or no longer; goes back to the same period of the report."""
    choice = request.form.get("wanted")
    if not ButtonForm().validate() or choice not in ("yes", "no"):
        abort(400)
    days = periods.current().days
    letters.choose(restaurant_id, access.required_member()["id"], choice == "yes")
    flash(_("The letter comes on Mondays.") if choice == "yes" else _("The letter does not come any more."), "success")
    return redirect(url_for("report.index", restaurant_id=restaurant_id, days=days), 303)
