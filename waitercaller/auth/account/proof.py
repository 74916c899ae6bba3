"""Re-authentication of a logged-in person, with the password and a code of the second factor."""

from flask_babel import gettext as _
from wtforms import Field

from waitercaller.auth import second_factor
from waitercaller.model.users import User
from waitercaller.web import audit, limits, passwords
from waitercaller.web.forms import text_of
from waitercaller.web.languages import current_language


def password_is_right(field: Field, user: User, limit_key: str = "") -> bool:
    """Whether the field has the user's password; if not, an error is set. Raises LimitReached.

    Tries are counted per user, or under `limit_key` where strangers could otherwise use up the user's tries.
    """
    key = limit_key or str(user["_id"])
    limits.check("password", key)
    if not passwords.verify(text_of(field), user["password_hash"]):
        audit.record("login_failed", user_id=user["_id"], step="password again")
        field.errors = [_("This is not your password.")]
        return False
    limits.clear("password", key)
    return True


def code_is_right(field: Field, user: User) -> bool:
    """Whether the field has a valid code of the user's app or an unused recovery code. Raises LimitReached."""
    key = str(user["_id"])
    limits.check("two_factor", key)
    accepted = second_factor.accept(user, text_of(field), current_language())
    if accepted is None:
        audit.record("login_failed", user_id=user["_id"], step="code again")
        field.errors = [_("This code is not right, or it was used already. Please type the next one.")]
        return False
    limits.clear("two_factor", key)
    if accepted == "recovery":
        audit.record("two_factor_recovery_used", user_id=user["_id"])
    return True
