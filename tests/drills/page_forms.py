"""The forms of a page as a person could send them: where to, and what each field offers."""

import html
import random
import re
from dataclasses import dataclass, field, replace
from urllib.parse import urljoin

PART = re.compile(r"<(/?form|input|select|option|textarea|button)\b([^>]*)>")
ATTRIBUTE = re.compile(r"""([\w-]+)(?:=(?:"([^"]*)"|'([^']*)'))?""")
# What somebody would type, by a field's name or its type.
TYPED = {
    "names": "21-24, Bar",
    "email": "nora@example.org",
    "url": "https://hooks.example.org/calls",
    "date": "2030-05-01",
    "time": "18:30",
    "number": "60",
}
USUAL = "Terrace"

Attributes = dict[str, str]


@dataclass
class PageForm:
    """`fields`: the values that each may have; of those in `ticked` none, one or several are sent."""

    path: str
    is_post: bool
    fields: dict[str, list[str]] = field(default_factory=dict)
    ticked: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)

    def filled(self, chance: random.Random) -> list[tuple[str, str]]:
        """Names and values as somebody fills it in."""
        pairs: list[tuple[str, str]] = []
        for name, values in self.fields.items():
            if name in self.ticked:
                pairs += [(name, each) for each in values if chance.random() < 0.5]
            else:
                pairs.append((name, chance.choice(values)))
        return pairs


def forms_of(page: str, path: str) -> list[PageForm]:
    """All forms of this page at `path`, and one more for each button that sends one elsewhere (`formaction`)."""
    forms, parts = _read(page, path)
    elsewhere = []
    for key, part in parts:
        if key in forms and "formaction" in part:
            elsewhere.append((forms[key], part))
        elif key in forms and part.get("name") and part["tag"] != "select":
            _add(forms[key], part["name"], part)
    for form, part in elsewhere:
        own = {part["name"]: [part.get("value", "")]} if part.get("name") else {}
        where = urljoin(path, part["formaction"])
        forms[f"{where} {len(forms)}"] = replace(form, path=where, fields=form.fields | own)
    return list(forms.values())


def _read(page: str, path: str) -> tuple[dict[str, PageForm], list[tuple[str, Attributes]]]:
    """The forms, without fields, by their id; and the parts of all, each with the id of its form."""
    forms: dict[str, PageForm] = {}
    parts: list[tuple[str, Attributes]] = []
    current = select = ""
    for tag, text in PART.findall(page):
        attributes = {name: html.unescape(one or two) for name, one, two in ATTRIBUTE.findall(text)} | {"tag": tag}
        if tag == "form":
            current = attributes.get("id") or str(len(forms))
            forms[current] = PageForm(urljoin(path, attributes.get("action", "")), attributes.get("method") == "post")
        elif tag == "/form":
            current = ""
        else:
            select = attributes.get("name", "") if tag == "select" else select
            named = {"name": select} if tag == "option" else {}
            parts.append((attributes.get("form", current), attributes | named))
    return forms, parts


def _add(form: PageForm, name: str, attributes: Attributes) -> None:
    kind = attributes.get("type", "")
    is_fixed = attributes["tag"] in ("option", "button") or kind in ("hidden", "radio", "checkbox")
    value = attributes.get("value", "")
    form.fields.setdefault(name, []).append(value if is_fixed else value or TYPED.get(name) or TYPED.get(kind, USUAL))
    if kind == "checkbox":
        form.ticked.add(name)
    if kind == "file":
        form.files.add(name)
