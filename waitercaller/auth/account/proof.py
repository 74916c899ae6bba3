"""Whoever is logged in proves once more to be who they are: with the password, and with a code where it is set up."""

from flask_babel import gettext as _
from wtforms import Field

from waitercaller.auth import second_factor
from waitercaller.model.users import User
from waitercaller.web import audit, limits, passwords
from waitercaller.web.forms import text_of
from waitercaller.web.languages import current_language


def password_is_right(field: Field, user: User, counted_under: str = "") -> bool:
    """Whether this is the user's password; if not, the field says so. Raises LimitReached.

    Tries are counted for the user, or under another key where a stranger could use up those of the user.
    """
    key = counted_under or str(user["_id"])
    limits.check("password", key)
    if not passwords.verify(text_of(field), user["password_hash"]):
        audit.record("login_failed", user_id=user["_id"], step="password again")
        field.errors = [_("This is not your password.")]
        return False
    limits.clear("password", key)
    return True


def code_is_right(field: Field, user: User) -> bool:
    """Whether this is a code of the user's app or a recovery code that is left. Raises LimitReached."""
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
