"""Fields and forms of the settings: texts in several languages, and forms that detect concurrent changes."""

import json
from typing import Any

from flask_babel import gettext as _
from wtforms import Field, HiddenField
from wtforms.validators import StopValidation, ValidationError

from waitercaller.model.languages import LANGUAGES
from waitercaller.settings.merging import Conflict, Values, flat, shown_again
from waitercaller.web.forms import Form, no_control_characters, tidy

MAX_SEEN_LENGTH = 20_000  # characters


class ByLanguage(Field):
    """A text per language: of the field `names`, the browser sends `names-en`, `names-de` and so on.

    `data` is {language: text}; `problems` is {language: error}.
    """

    def __init__(self, label: Any = None, longest: int = 40, **options: Any) -> None:
        super().__init__(label, **options)
        self.longest = longest
        self.problems: dict[str, str] = {}

    def process(self, formdata: Any, data: Any = None, extra_filters: Any = None) -> None:
        """Set `data` from the submitted form, else from `data`."""
        self.process_errors, self.raw_data = [], []
        self.data = dict(data or {})
        if formdata is None:
            return
        sent = {code: formdata.getlist(f"{self.name}-{code}") for code in LANGUAGES}
        self.data = {code: self.read(texts[0]) for code, texts in sent.items() if texts}
        self.problems = {code: _("This was sent twice.") for code, texts in sent.items() if len(texts) > 1}

    def read(self, text: str) -> Any:
        """The value of a submitted text."""
        return tidy(text)

    def written(self, language: str) -> str:
        """The value of the input of one language."""
        return str((self.data or {}).get(language) or "")

    def pre_validate(self, form: Any) -> None:
        for code, value in self.data.items():
            for text in value if isinstance(value, list) else [value]:
                if problem := self.problem_of(text):
                    self.problems.setdefault(code, problem)
        if self.problems:
            raise StopValidation(_("Please look at what is marked and try again."))

    def problem_of(self, text: str) -> str:
        """The error of a text, "" if it is valid."""
        if len(text) > self.longest:
            return str(_("Please use at most %(max)d characters.", max=self.longest))
        probe: Any = type("Sent", (), {"raw_data": [text]})
        try:
            no_control_characters(None, probe)
        except ValidationError as error:
            return str(error)
        return ""

    def set_error(self, language: str, sentence: str) -> None:
        """Set the error of one language."""
        self.problems[language] = sentence
        self.errors = [sentence]


class LinesByLanguage(ByLanguage):
    """Several texts per language, one per line."""

    def read(self, text: str) -> list[str]:
        return [line for each in text.splitlines() if (line := str(tidy(each)))]

    def written(self, language: str) -> str:
        return "\n".join((self.data or {}).get(language) or [])


class MergingForm(Form):
    """A form that sends the values it showed, so that only changed ones are written; see `merging`."""

    seen = HiddenField()

    def seen_values(self) -> Values:
        """The values that the form showed; {} if invalid: then all values count as changed."""
        try:
            seen = json.loads((self.seen.data or "")[:MAX_SEEN_LENGTH])
        except (ValueError, RecursionError):
            return {}
        return seen if isinstance(seen, dict) else {}

    def show(self, values: Values, present: Values | None = None) -> None:
        """Fill the form with `values`; `present` are the values in the database, if different."""
        for name, value in self.data_of(values).items():
            self[name].data, self[name].raw_data = value, None
        seen = values if present is None else present
        self.seen.data = json.dumps(seen, ensure_ascii=False, separators=(",", ":"))

    def show_conflict(self, conflict: Conflict, sent: Values) -> None:
        """Show the submitted values with the present ones as errors; submitting again overwrites those."""
        again = shown_again(conflict, self.seen_values(), sent)
        self.show(again, conflict.current)
        current = flat(conflict.current)
        for name in conflict.names:
            present = self.text_of(current[name])
            told = _("Somebody else has just set this to “%(value)s”. Save again to have yours instead.", value=present)
            self.set_error(name, told)

    def data_of(self, values: Values) -> Values:
        """Field data for these values."""
        return values

    def set_error(self, name: str, sentence: str) -> None:
        """Set the error of a value."""
        self[name].errors = [sentence]

    def text_of(self, value: Any) -> str:
        """A value as text."""
        return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
