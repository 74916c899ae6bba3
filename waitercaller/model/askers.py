"""Who asks for a request: the phones of a table, each with a choice and a note of its own."""

from typing import NotRequired, TypedDict


class Asker(TypedDict):
    """A phone that asks for a request, with a choice and a note of its own; device None: the staff, for a guest."""

    device: str | None  # HMAC of its cookie and the restaurant
    choice: str | None
    choice_labels: dict[str, str] | None
    note: str | None


class Asked(Asker):
    """What a request says of its askers; itself one, the phone that opened it."""

    others: NotRequired[list[Asker]]  # who reminded of it, besides


def askers(request: Asked) -> list[Asker]:
    """Who asks for it: the phone that opened it first."""
    opener: Asker = {
        "device": request["device"],
        "choice": request["choice"],
        "choice_labels": request.get("choice_labels"),  # absent in requests of an older version
        "note": request["note"],
    }
    return [opener, *request.get("others", [])]


def asker(request: Asked, devices: list[str]) -> Asker | None:
    """What the phone with one of these ids asks for; None if it does not."""
    return next((each for each in askers(request) if each["device"] in devices), None)


def choices(request: Asked) -> list[dict[str, str]]:
    """The names of what was chosen, each once: two phones of a table may have chosen differently."""
    chosen = {each["choice"]: each["choice_labels"] for each in askers(request)}
    return [names for names in chosen.values() if names]


def notes(request: Asked) -> list[str]:
    """What the guests wrote, each once."""
    return list(dict.fromkeys(each["note"] for each in askers(request) if each["note"]))
