"""Error page of invalid tokens: of invitations, and of codes for devices."""

from flask import render_template, request
from flask.typing import ResponseReturnValue

from waitercaller.model.tokens import TokenError
from waitercaller.staff import blueprint


@blueprint.errorhandler(TokenError)
def invalid_link(error: TokenError) -> ResponseReturnValue:
    """An expired, used or withdrawn link (410) or an invalid one (400)."""
    is_code = request.endpoint != "staff.invitation"
    return render_template("staff/invalid_link.html", reason=error.reason, is_code=is_code), error.status
