"""Optimistic concurrency for forms: two people may have the same form open, and no change is overwritten unseen.

A form sends what it showed (`seen`) beside what was typed (`sent`). A value that was left as it was shown keeps what it
is by now; one that both have changed is a conflict.

A field in several languages is a dict, as in {"names": {"de": "Brot"}}; each of its texts is compared by itself, under
the name "names-de", as its input is called in the page.
"""

from typing import Any

Values = dict[str, Any]  # of the fields of a form, by their names


class Conflict(Exception):
    """Somebody else has changed the same values in the meantime; nothing was written.

    `current` is what all the fields are now, `names` are the values that both have changed.
    """

    def __init__(self, current: Values, names: list[str]) -> None:
        super().__init__(", ".join(names))
        self.current = current
        self.names = names


def flat(values: Values) -> Values:
    """Each text of a field in several languages under a name of its own."""
    result: Values = {}
    for name, value in values.items():
        if isinstance(value, dict):
            result.update({f"{name}-{language}": text for language, text in value.items()})
        else:
            result[name] = value
    return result


def nested(values: Values) -> Values:
    """The inverse of `flat`."""
    result: Values = {}
    for name, value in values.items():
        field, dash, language = name.partition("-")
        if dash:
            result.setdefault(field, {})[language] = value
        else:
            result[field] = value
    return result


def merged(current: Values, seen: Values, sent: Values) -> Values:
    """What the fields become: changed values as they were sent, all others as they are now. Raises Conflict."""
    now, shown, changed = flat(current), flat(seen), _changed(seen, sent)
    conflicting = [name for name, value in changed.items() if now.get(name) not in (shown.get(name), value)]
    if conflicting:
        raise Conflict(current, conflicting)
    return nested({**now, **changed})


def shown_again(conflict: Conflict, seen: Values, sent: Values) -> Values:
    """What the form shows after a conflict: changed values as they were sent, all others as they are now."""
    return nested({**flat(conflict.current), **_changed(seen, sent)})


def _changed(seen: Values, sent: Values) -> Values:
    shown = flat(seen)
    return {name: value for name, value in flat(sent).items() if value != shown.get(name)}
