"""Forms as a browser sends them: the initial values of a page's inputs, checkboxes and lists."""

from html.parser import HTMLParser
from typing import Any

from tests.support.cast import Person


class _Forms(HTMLParser):
    """Collects the fields of each form, by its action."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: dict[str, dict[str, list[str]]] = {}
        self._form: dict[str, list[str]] = {}
        self._list = self._area = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._form = self.forms.setdefault(given["action"], {})
        elif tag == "select":
            self._list = given["name"]
        elif tag == "textarea":
            self._area = given["name"]
            self._form[self._area] = [""]
        elif tag == "option" and self._list and ("selected" in given or self._list not in self._form):
            self._form[self._list] = [given.get("value", "")]
        elif tag == "input" and "name" in given:
            is_box = given.get("type") in ("checkbox", "radio")
            if not is_box or "checked" in given:
                self._form.setdefault(given["name"], []).append(given.get("value", "on" if is_box else ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._area = ""
        elif tag == "select":
            self._list = ""

    def handle_data(self, data: str) -> None:
        if self._area:
            self._form[self._area][0] += data


def form_in(page: str, action: str) -> dict[str, Any]:
    """The initial values of the form with this `action`."""
    parser = _Forms()
    parser.feed(page)
    return dict(parser.forms[action])


def opened(person: Person, path: str) -> dict[str, Any]:
    """Open this page as this person; the initial values of its form that is posted to the same path."""
    return form_in(person.client.get(path).text, path)
