"""What troubles an open screen, in words; for the dashboard and the staff page."""

from flask_babel import gettext as _

from waitercaller.model.presence import TROUBLES, Screen, Trouble


def trouble(screen: Screen) -> str:
    """The worst of a screen's troubles, as text; "" without any."""
    reported = screen.get("trouble") or []
    worst = next((word for word in TROUBLES if word in reported), None)
    return _words(worst) if worst else ""


def _words(word: Trouble) -> str:
    match word:
        case "drawing":
            return str(_("cannot show the calls"))
        case "sound":
            return str(_("its sound does not play"))
        case "battery":
            return str(_("battery low"))
        case "line":
            return str(_("its connection breaks off"))
        case "sleep":
            return str(_("may fall asleep"))
        case "blocked":
            return str(_("without sound until it is tapped"))
