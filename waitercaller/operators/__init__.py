"""Operators: the page of diagnostics, and the commands that say who may open it (`flask operators`)."""

from flask import Blueprint

blueprint = Blueprint("operators", __name__, cli_group="operators")

from waitercaller.operators import commands, mails, views  # noqa: E402, F401  (they register themselves)
