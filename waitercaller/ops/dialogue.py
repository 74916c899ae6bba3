"""How operators' commands about restaurants and users speak: for people, or with --json for programs.

A command that changes something first says what will change, and asks. With --yes it does not ask; with --json and
without --yes it says what would change, and changes nothing.
"""

import json
from collections.abc import Callable, Mapping
from datetime import datetime

import click

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
YES = click.option("--yes", is_flag=True, help="Do it without asking.")


def change(
    question: str, about: Mapping[str, object], changes: list[str], act: Callable[[], bool], yes: bool, as_json: bool
) -> None:
    """Say what will change about a restaurant or user, ask, and do it; `act` returns False if it was so already."""
    if not as_json:
        echo(headline(about))
        echo(*(f"  - {each}" for each in changes))
        if not yes:
            click.confirm(question, abort=True)
    done = (yes or not as_json) and act()
    if as_json:
        echo_json({**about, "changes": changes, "done": done})
    else:
        echo("Done." if done else "Nothing was changed: somebody was faster.")


def headline(about: Mapping[str, object]) -> str:
    """A restaurant or a user in one line: every value that is short."""
    return "  ".join(_short(value) for value in about.values() if not isinstance(value, list))


def echo(*lines: str) -> None:
    """Print lines that may hold names, which come from visitors: a terminal obeys control characters."""
    for line in lines:
        click.echo("".join(character for character in line if character.isprintable()))


def echo_json(value: object) -> None:
    """Print JSON; times in ISO 8601, UTC, and ids as strings."""
    click.echo(
        json.dumps(value, indent=2, default=lambda each: each.isoformat() if isinstance(each, datetime) else str(each))
    )


def _short(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d}"
    return "-" if value in (None, "") else str(value)
