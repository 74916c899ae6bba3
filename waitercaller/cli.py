"""Commands for operators: thin calls into the modules that do the work."""

import click
from flask import Flask

from waitercaller import schema
from waitercaller.db import db


def init_app(app: Flask) -> None:
    app.cli.add_command(build_database)


@click.command("build-database")
def build_database() -> None:
    """Create the collections, indexes and validators that are missing."""
    schema.build(db())
    click.echo("The database has its indexes and validators.")
