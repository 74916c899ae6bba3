"""Changes of the kinds of a restaurant; each function returns the fields to set, for `model.settings.change`.

Requests that exist are not changed: a request holds a copy of its kind's texts (model/service_request.py).
"""

from waitercaller.db.client import Changes
from waitercaller.model import restaurants
from waitercaller.model.languages import DEFAULT_LANGUAGE, STAFF_LANGUAGES, in_language
from waitercaller.model.restaurants import Restaurant
from waitercaller.model.settings import Missing
from waitercaller.model.standard_kinds import Choice, Kind, in_order, sound_of
from waitercaller.settings.merging import Values, merged
from waitercaller.settings.ordering import moved

MAX_OFFERED = 12  # a guest would not read more
MAX_KINDS = 100  # with those that are no longer offered; all are part of the restaurant's document


class TooManyKinds(Exception):
    """The restaurant has MAX_KINDS kinds, or offers MAX_OFFERED; nothing was written."""


class LastKind(Exception):
    """The last kind that is offered cannot be archived; nothing was written."""


def find(restaurant: Restaurant, kind_id: str) -> Kind:
    """The kind with this id. Raises Missing."""
    for kind in restaurant["kinds"]:
        if kind["id"] == kind_id:
            return kind
    raise Missing


def label_languages(languages: list[str]) -> list[str]:
    """Those of the restaurant's languages that the staff's pages have, in its order; English if there is none."""
    return [code for code in languages if code in STAFF_LANGUAGES] or [DEFAULT_LANGUAGE]


def values_of(kind: Kind | None, languages: list[str]) -> Values:
    """The form values of a kind, in the restaurant's languages; None: of a new kind."""
    kind = kind or _blank("")
    main = languages[0]
    return {
        "icon": kind["icon"],
        "sound": sound_of(kind),
        "names": {code: kind["names"].get(code, "") for code in languages} | {main: in_language(kind["names"], main)},
        "labels": {code: kind["labels"].get(code, "") for code in label_languages(languages)},
        "choices": _by_line([choice["names"] for choice in kind["choices"]], languages),
        "zones": kind.get("zones", []),
        "hours": _times(kind),
    }


def add(restaurant: Restaurant, kind_id: str, values: Values) -> Changes:
    """Add a kind, last in order. Raises TooManyKinds."""
    if len(in_order(restaurant["kinds"])) >= MAX_OFFERED or len(restaurant["kinds"]) >= MAX_KINDS:
        raise TooManyKinds
    position = 1 + max(kind["position"] for kind in restaurant["kinds"])
    new = _changed({**_blank(kind_id), "position": position}, values, restaurant)
    return {"kinds": [*restaurant["kinds"], new]}


def edit(restaurant: Restaurant, kind_id: str, seen: Values, sent: Values) -> Changes:
    """Apply the changed values of the form. Raises Missing and Conflict."""
    kind = find(restaurant, kind_id)
    values = merged(values_of(kind, restaurant["languages"]), seen, sent)
    return _replaced(restaurant, _changed(kind, values, restaurant))


def set_active(restaurant: Restaurant, kind_id: str, active: bool) -> Changes:
    """Offer a kind again (last in order), or archive it. Raises Missing, TooManyKinds and LastKind."""
    kind, offered = find(restaurant, kind_id), in_order(restaurant["kinds"])
    if kind["active"] is active:
        return {"kinds": restaurant["kinds"]}
    if not active and len(offered) == 1:
        raise LastKind
    if active and len(offered) >= MAX_OFFERED:
        raise TooManyKinds
    position = 1 + max(each["position"] for each in restaurant["kinds"]) if active else kind["position"]
    return _replaced(restaurant, {**kind, "active": active, "position": position})


def move(restaurant: Restaurant, kind_id: str, steps: int) -> Changes:
    """Move an offered kind up (-1) or down (1). Raises Missing."""
    order = [*moved(in_order(restaurant["kinds"]), kind_id, steps), *in_order(restaurant["kinds"], active=False)]
    positions = {kind["id"]: position for position, kind in enumerate(order)}
    return {"kinds": [{**kind, "position": positions[kind["id"]]} for kind in restaurant["kinds"]]}


def _blank(kind_id: str) -> Kind:
    return {"id": kind_id, "names": {}, "labels": {}, "icon": "bell", "choices": [], "active": True, "position": 0}


def _changed(kind: Kind, values: Values, restaurant: Restaurant) -> Kind:
    """The kind with these form values; texts in other languages are kept."""
    languages = restaurant["languages"]
    names, labels = _texts(kind["names"], values["names"]), _labels(kind["labels"], values["labels"], languages)
    return {
        **kind,
        "icon": values["icon"],
        "sound": values.get("sound") or sound_of(kind),
        "names": names,
        "labels": labels or {languages[0]: in_language(names, languages[0])},
        "choices": _choices(kind["choices"], values["choices"], languages),
        "zones": values["zones"],
        "hours": {"opens": values["hours"][0], "closes": values["hours"][1]} if values["hours"] else None,
    }


def _times(kind: Kind) -> list[str]:
    """The beginning and the end of its hours; [] where it is always offered."""
    hours = kind.get("hours")
    return [hours["opens"], hours["closes"]] if hours else []


def _texts(present: dict[str, str], sent: dict[str, str]) -> dict[str, str]:
    return {code: text for code, text in {**present, **sent}.items() if text}


def _labels(present: dict[str, str], sent: dict[str, str], languages: list[str]) -> dict[str, str]:
    """A new label in the first language replaces those that the form does not show: they may name something else."""
    shown = label_languages(languages)
    if sent.get(shown[0]) != present.get(shown[0]):
        present = {code: text for code, text in present.items() if code in shown}
    return _texts(present, sent)


def _choices(present: list[Choice], sent: list[dict[str, str]], languages: list[str]) -> list[Choice]:
    """A choice with unchanged text keeps its id, because open guest pages send it; a changed text gets a new id."""
    main = languages[0]
    known = {in_language(choice["names"], main): choice for choice in present}
    made: list[Choice] = []
    for names in sent:
        before = known.get(in_language(names, main))
        kept = {code: text for code, text in before["names"].items() if code not in languages} if before else {}
        made.append({"id": before["id"] if before else restaurants.new_id(), "names": {**kept, **names}})
    return made


def _by_line(choices: list[dict[str, str]], languages: list[str]) -> list[dict[str, str]]:
    """The names of the choices, where each language has all of them or none."""
    main = languages[0]
    used = [code for code in languages if code == main or any(names.get(code) for names in choices)]
    return [{code: names.get(code) or in_language(names, main) for code in used} for names in choices]


def _replaced(restaurant: Restaurant, kind: Kind) -> Changes:
    return {"kinds": [kind if each["id"] == kind["id"] else each for each in restaurant["kinds"]]}
