"""Optimistic concurrency for forms: if two people edit the same form, no change is overwritten unnoticed.

A form sends the values it showed (`seen`) and the submitted ones (`sent`). Unchanged values are not written; a value
changed by both is a conflict.

A field in several languages is a dict, as in {"names": {"de": "Brot"}}; its texts are compared one by one, under the
names of their inputs, as in "names-de".
"""

from typing import Any

Values = dict[str, Any]  # form values by field name


class Conflict(Exception):
    """Another person changed the same values in the meantime; nothing was written.

    `current` are all values in the database, `names` the conflicting ones.
    """

    def __init__(self, current: Values, names: list[str]) -> None:
        super().__init__(", ".join(names))
        self.current = current
        self.names = names


def flat(values: Values) -> Values:
    """Flatten fields in several languages: {"names": {"de": …}} becomes {"names-de": …}."""
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
    """The values to write: changed ones as submitted, others as in the database. Raises Conflict."""
    now, shown, changed = flat(current), flat(seen), _changed(seen, sent)
    conflicting = [name for name, value in changed.items() if now.get(name) not in (shown.get(name), value)]
    if conflicting:
        raise Conflict(current, conflicting)
    return nested({**now, **changed})


def shown_again(conflict: Conflict, seen: Values, sent: Values) -> Values:
    """The values to show after a conflict: changed ones as submitted, others as in the database."""
    return nested({**flat(conflict.current), **_changed(seen, sent)})


def _changed(seen: Values, sent: Values) -> Values:
    shown = flat(seen)
    return {name: value for name, value in flat(sent).items() if value != shown.get(name)}
