"""Texts for audit entries about a person."""

from flask_babel import gettext as _

from waitercaller.model.audit_trail import AuditEntry


def of_event(event: AuditEntry) -> str:
    """The text of an audit entry; an event without a text is shown by its name."""
    details = event["details"]
    if event["event"] == "login_failed" and details.get("step"):
        return str(_("The password or the code was typed wrongly"))
    if event["event"] == "session_ended" and details.get("which") == "others":
        return str(_("All other logins were ended"))
    return _sentences().get(event["event"]) or event["event"].replace("_", " ")


def _sentences() -> dict[str, str]:
    return {
        "registered": _("Registered"),
        "confirmed": _("The address was confirmed and the account opened"),
        "login_ok": _("Logged in"),
        "login_failed": _("Somebody tried to log in with a wrong password"),
        "logout": _("Logged out"),
        "password_reset": _("A new password was chosen with a link from a mail"),
        "password_changed": _("The password was changed"),
        "name_changed": _("The name was changed"),
        "email_change_asked": _("Another e-mail address was asked for"),
        "email_changed": _("The e-mail address was changed"),
        "two_factor_on": _("Logging in takes a code as well from now on"),
        "two_factor_off": _("Logging in takes the password only from now on"),
        "two_factor_recovery_used": _("A recovery code was used"),
        "recovery_codes_renewed": _("New recovery codes were made"),
        "session_ended": _("A login was ended"),
        "operator_added": _("Became an operator of this installation"),
        "operator_removed": _("Is no operator of this installation any more"),
        "joined": _("Joined a restaurant"),
        "role_changed": _("Got another role in a restaurant"),
        "removed": _("Left a restaurant"),
        "denied": _("A page was refused"),
        "exported": _("All data was downloaded"),
        "disabled": _("The account was disabled by whoever runs this site"),
        "enabled": _("The account was enabled again"),
    }
