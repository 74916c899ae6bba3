"""Whether a validator takes all that another one takes; see docs/migrations.md.

`python -m tests.db.widening` keeps the present validators as those of the last release.
"""

import json
from pathlib import Path
from typing import Any

from waitercaller.db.validators import VALIDATORS

LAST_RELEASE = Path(__file__).with_name("last_release.json")  # validators by collection; {} before the first release

Schema = dict[str, Any]

LOWER_LIMITS = ("minItems", "minLength", "minimum", "minProperties")
UPPER_LIMITS = ("maxItems", "maxLength", "maximum", "maxProperties")


def narrowings(old: Schema, new: Schema, path: str = "") -> list[str]:
    """What `new` refuses and `old` takes, as `path: reason`. What it cannot compare counts as narrower."""
    found = []
    for keyword in sorted(new):
        if keyword in ("properties", "$jsonSchema"):
            inner = {"": new[keyword]} if keyword == "$jsonSchema" else new[keyword]
            before = {"": old.get(keyword, {})} if keyword == "$jsonSchema" else old.get(keyword, {})
            for name, schema in inner.items():
                found += narrowings(before.get(name, {}), schema, f"{path}.{name}" if path and name else path or name)
        elif keyword == "items":
            found += narrowings(old.get("items", {}), new["items"], f"{path}[]")
        elif not _takes_as_much(keyword, old, new):
            found.append(f"{path}: {keyword} {_words(old.get(keyword))} → {_words(new[keyword])}")
    return found


def _takes_as_much(keyword: str, old: Schema, new: Schema) -> bool:
    """Whether this keyword of `new` takes all values that `old` takes."""
    if keyword == "required":
        return _set(new[keyword]) <= _set(old.get(keyword, []))
    if keyword not in old:
        return False  # it took anything
    if keyword in ("bsonType", "enum"):
        return _set(old[keyword]) <= _set(new[keyword])
    if keyword in LOWER_LIMITS:
        return bool(new[keyword] <= old[keyword])
    if keyword in UPPER_LIMITS:
        return bool(new[keyword] >= old[keyword])
    if keyword == "anyOf":
        return all(any(not narrowings(before, after) for after in new[keyword]) for before in old[keyword])
    return bool(new[keyword] == old[keyword])


def _set(given: Any) -> set[Any]:
    return set(given) if isinstance(given, list) else {given}


def _words(given: Any) -> str:
    return "anything" if given is None else json.dumps(given)


if __name__ == "__main__":
    LAST_RELEASE.write_text(json.dumps(VALIDATORS, indent=1, sort_keys=True) + "\n", encoding="utf-8")
