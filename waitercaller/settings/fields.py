"""Fields and forms of the settings: texts in several languages, and forms that detect concurrent changes."""

import json
from collections.abc import Iterable
from typing import Any

from flask_babel import gettext as _
from wtforms import Field, HiddenField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # newer than its stubs
from wtforms.validators import StopValidation, ValidationError

from waitercaller.model.languages import LANGUAGES
from waitercaller.settings.merging import Conflict, Values, flat, shown_again
from waitercaller.web.forms import Form, no_control_characters, tidy

LONGEST_SEEN = 20_000  # characters


def choices(values: Iterable[str]) -> list[SelectChoice]:
    """The options of a field with these values, whose words are in the page."""
    return [SelectChoice(value, value) for value in values]


class ByLanguage(Field):
    """A text in each language: of the field `names`, the browser sends `names-en`, `names-de` and so on.

    Its data are {language: text} for what was sent; `problems` says what is wrong in which language.
    """

    def __init__(self, label: Any = None, longest: int = 40, **options: Any) -> None:
        super().__init__(label, **options)
        self.longest = longest
        self.problems: dict[str, str] = {}

    def process(self, formdata: Any, data: Any = None, extra_filters: Any = None) -> None:
        """Take what was sent, else what is to be shown."""
        self.process_errors, self.raw_data = [], []
        self.data = dict(data or {})
        if formdata is None:
            return
        sent = {code: formdata.getlist(f"{self.name}-{code}") for code in LANGUAGES}
        self.data = {code: self.read(texts[0]) for code, texts in sent.items() if texts}
        self.problems = {code: _("This was sent twice.") for code, texts in sent.items() if len(texts) > 1}

    def read(self, text: str) -> Any:
        """What is kept of the text that was sent for one language."""
        return tidy(text)

    def written(self, language: str) -> str:
        """The text as its input shows it."""
        return str((self.data or {}).get(language) or "")

    def pre_validate(self, form: Any) -> None:
        for code, value in self.data.items():
            for text in value if isinstance(value, list) else [value]:
                if problem := self.problem_of(text):
                    self.problems.setdefault(code, problem)
        if self.problems:
            raise StopValidation(_("Please look at what is marked and try again."))

    def problem_of(self, text: str) -> str:
        """What is wrong with one text, "" if nothing."""
        if len(text) > self.longest:
            return str(_("Please use at most %(max)d characters.", max=self.longest))
        probe: Any = type("Sent", (), {"raw_data": [text]})
        try:
            no_control_characters(None, probe)
        except ValidationError as error:
            return str(error)
        return ""

    def blame(self, language: str, sentence: str) -> None:
        """Say what is wrong with the text in one language."""
        self.problems[language] = sentence
        self.errors = [sentence]


class LinesByLanguage(ByLanguage):
    """Several texts in each language, one a line."""

    def read(self, text: str) -> list[str]:
        return [line for each in text.splitlines() if (line := str(tidy(each)))]

    def written(self, language: str) -> str:
        return "\n".join((self.data or {}).get(language) or [])


class MergingForm(Form):
    """A form that sends back what it showed, so that only changed values are written; see `merging`."""

    seen = HiddenField()

    def seen_values(self) -> Values:
        """What the form showed; empty where that cannot be read: then all values count as changed."""
        try:
            seen = json.loads((self.seen.data or "")[:LONGEST_SEEN])
        except (ValueError, RecursionError):
            return {}
        return seen if isinstance(seen, dict) else {}

    def show(self, values: Values, present: Values | None = None) -> None:
        """Show `values`; `present` is what they are in the database, if they are not just that."""
        for name, value in self.data_of(values).items():
            self[name].data, self[name].raw_data = value, None
        seen = values if present is None else present
        self.seen.data = json.dumps(seen, ensure_ascii=False, separators=(",", ":"))

    def show_conflict(self, conflict: Conflict, sent: Values) -> None:
        """Show what was sent, with the present values beside it; sending it again overwrites those."""
        again = shown_again(conflict, self.seen_values(), sent)
        self.show(again, conflict.current)
        current = flat(conflict.current)
        for name in conflict.names:
            theirs = self.words(current[name])
            told = _("Somebody else has just set this to “%(value)s”. Save again to have yours instead.", value=theirs)
            self.blame(name, told)

    def data_of(self, values: Values) -> Values:
        """The fields' data for these values."""
        return values

    def blame(self, name: str, sentence: str) -> None:
        """Say what is wrong with one of the values."""
        self[name].errors = [sentence]

    def words(self, value: Any) -> str:
        """A value as people write it."""
        return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
