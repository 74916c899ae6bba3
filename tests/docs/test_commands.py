"""Commands that the documents tell to run exist, with the options that they are given."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
from flask import Flask

from config import Config
from tests.docs.test_documents import DOCUMENTS
from tests.support import ROOT, settings
from waitercaller import create_app

CODE = re.compile(r"^```.*?\n(.*?)^```$|`([^`\n]+)`", re.M | re.S)
OURS = re.compile(r"(?:^|sudo |app )(?:waitercaller|flask)(?: --app wsgi)? ([a-z][a-z-]*)((?: [^|;&)]*)?)")
SCRIPT = re.compile(r"(?<![\w.-])(?:[/\w.-]*/)?deploy/([a-z-]+\.sh)\b((?: +[^|;&\n`]*)?)")
MAKE = re.compile(r"(?<![\w-])make ([a-z]+)\b(?! [a-z])")
OPTION = re.compile(r"(?<!\S)--[a-z-]+")
NOT_OURS = {"run"}  # Flask's own
OF_THE_WRAPPER = {"notify", "rehearse"}  # deploy/waitercaller


def code() -> Iterator[tuple[str, str]]:
    """The code in the documents, each with the document's name; a line that ends in a backslash goes on."""
    for document in DOCUMENTS:
        if document.name == "CHANGELOG.md":
            continue  # what was there once may be gone
        for block, span in CODE.findall(document.read_text("utf-8")):
            text = (block or span).replace("\\\n", " ")
            yield from ((str(document.relative_to(ROOT)), line) for line in text.splitlines())


ALL = list(code())


def command_of(app: Flask, words: list[str]) -> click.Command | None:
    """The command that these words begin with, a command of a group included."""
    found = app.cli.get_command(click.Context(app.cli), words[0])
    if isinstance(found, click.Group) and len(words) > 1:
        return found.get_command(click.Context(found), words[1])
    return found


def test_our_commands_are_there_with_their_options(tmp_path: Path) -> None:
    app = create_app(Config.from_env(settings.environ("mongodb://127.0.0.1:9/none", "http://localhost", tmp_path)))
    seen, wrong = set(), []
    for document, line in ALL:
        for name, rest in OURS.findall(line):
            if name in NOT_OURS | OF_THE_WRAPPER:
                continue
            command = command_of(app, [name, *rest.split()])
            options = {each for parameter in (command.params if command else []) for each in parameter.opts}
            if command is None or not set(OPTION.findall(rest)) <= options:
                wrong.append(f"{document}: {line}")
            seen.add(name)
    assert wrong == []
    assert {"build-database", "doctor", "backup", "erase-again", "operators", "vapid-key"} <= seen


def test_the_scripts_are_there_and_know_their_options() -> None:
    seen, wrong = set(), []
    for document, line in ALL:
        for name, rest in SCRIPT.findall(line):
            script = next((ROOT / "deploy").rglob(name), None)
            text = script.read_text("utf-8") if script else ""
            wrong += [f"{document}: {line}"] if not script else []
            wrong += [f"{document}: {each} in {line}" for each in OPTION.findall(rest) if each not in text]
            seen.add(name)
    assert wrong == []
    assert {"install.sh", "upgrade.sh", "backup.sh", "restore.sh", "uninstall.sh"} <= seen


def test_the_targets_of_make_are_there() -> None:
    named = {name for _, line in ALL for name in MAKE.findall(line)}
    assert named > {"run", "demo", "test", "release"}
    assert named <= set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))
