"""The home page."""

from flask import redirect, render_template
from flask.typing import ResponseReturnValue
from flask_login import current_user

from waitercaller.site import blueprint
from waitercaller.web import access, analytics, registration
from waitercaller.web.start import start_page


@blueprint.get("/")
@access.anyone
@analytics.enabled()
def home() -> ResponseReturnValue:
    """The home page; logged-in visitors are redirected to their start page."""
    if current_user.is_authenticated:
        return redirect(start_page(), 303)
    return render_template("site/home.html", may_register=registration.state() != "closed")
