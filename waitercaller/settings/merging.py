"""Two people with the same form open: each one's changes count, and nobody's are overwritten unseen.

A form says what it showed (`seen`) beside what is sent. A field that was left as it was shown keeps what it is by now.
"""

from typing import Any

Values = dict[str, Any]  # what the fields of a form hold, by their names


class Conflict(Exception):
    """Somebody else has set the same fields otherwise in the meantime; nothing was written.

    `current` is what all the fields are now, `fields` are those that both have changed.
    """

    def __init__(self, current: Values, fields: list[str]) -> None:
        super().__init__(", ".join(fields))
        self.current = current
        self.fields = fields


def merged(current: Values, seen: Values, sent: Values) -> Values:
    """What the fields become: what was changed in the form as it was sent, all others as they are. Raises Conflict."""
    touched = {name: value for name, value in sent.items() if value != seen.get(name)}
    clashes = [name for name, value in touched.items() if current.get(name) not in (seen.get(name), value)]
    if clashes:
        raise Conflict(current, clashes)
    return {**current, **touched}


def shown_again(conflict: Conflict, seen: Values, sent: Values) -> Values:
    """What the form shows after a conflict: what was changed in it, and else what is there now."""
    return {**conflict.current, **{name: value for name, value in sent.items() if value != seen.get(name)}}
