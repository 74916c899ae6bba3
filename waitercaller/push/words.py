"""What a push message says. A "#" in it stands for the time, which the phone writes as its people do."""

from flask_babel import force_locale
from flask_babel import gettext as _

from waitercaller.db import clock
from waitercaller.db.client import Document
from waitercaller.model.languages import in_language, table_title, text_direction
from waitercaller.model.service_request import ServiceRequest
from waitercaller.push.outbox import Event


def message(event: Event, request: ServiceRequest | None, restaurant: Document, language: str) -> Document:
    """What the service worker shows: title, text, when that began, and which earlier message it takes the place of.

    Where a new call has a `place`, that is shown instead of the text: a time is news only later.
    """
    home = f"/r/{restaurant['_id']}/dashboard"
    with force_locale(language):
        title, text = _of_house(event, restaurant) if request is None else _of_call(event, request, language)
    return {
        "title": title,
        "text": text,
        "place": request["zone_name"] if request and event == "called" else None,
        "at": clock.milliseconds(request["first_at"] if request else clock.now()),
        "tag": f"{home}#{request['_id'] if request else event}",
        "url": home,
        "language": language,
        "direction": text_direction(language),
    }


def _of_call(event: Event, request: ServiceRequest, language: str) -> tuple[str, str]:
    wish = in_language(request["kind_labels"], language)
    if labels := request.get("choice_labels"):
        wish += f" ({in_language(labels, language)})"
    title = f"{table_title(request['table_name'])}: {wish}"
    if event == "called":
        return title, str(_("Called at #"))
    if event == "alerted":
        return title, str(_("Has been waiting since #, and nobody has answered. Please see to it."))
    return title, str(_("Still waiting, since #."))


def _of_house(event: Event, restaurant: Document) -> tuple[str, str]:
    if event == "tried":
        return restaurant["name"], str(_("This is how calls reach this phone."))
    return restaurant["name"], str(_("No screen with sound shows the calls. Guests may be waiting unheard."))
