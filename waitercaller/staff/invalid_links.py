"""What a link says that does not work any more: an invitation, or the code of a screen or a phone."""

from flask import render_template, request
from flask.typing import ResponseReturnValue

from waitercaller.model.tokens import TokenError
from waitercaller.staff import blueprint


@blueprint.errorhandler(TokenError)
def invalid_link(error: TokenError) -> ResponseReturnValue:
    """Too old, used or withdrawn (410), or never any good (400), and the one next step."""
    is_code = request.endpoint != "staff.invitation"
    return render_template("staff/invalid_link.html", reason=error.reason, is_code=is_code), error.status
