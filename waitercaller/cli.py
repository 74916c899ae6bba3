"""Commands for operators: thin calls into the modules that do the work."""

import click
from flask import Flask
from flask.cli import with_appcontext

from waitercaller import audit, schema, sessions
from waitercaller.auth import store as users
from waitercaller.db import db


def init_app(app: Flask) -> None:
    app.cli.add_command(build_database)
    app.cli.add_command(end_logins)


@click.command("build-database")
def build_database() -> None:
    """Create the collections, indexes and validators that are missing."""
    schema.build(db())
    click.echo("The database has its indexes and validators.")


@click.command("end-logins")
@click.argument("email", required=False)
@click.option("--all", "everybody", is_flag=True, help="End the logins of everybody, screens included.")
@with_appcontext
def end_logins(email: str | None, everybody: bool) -> None:
    """End every login of the person with this e-mail address: after a theft, or when somebody must be out at once."""
    if bool(email) == everybody:
        raise click.UsageError("Name either an address or --all.")
    if everybody:
        sessions.end_everybodys()
    else:
        user = users.with_address(str(email).strip().lower())
        if user is None:
            raise click.ClickException("Nobody has this address.")
        sessions.end_all(user["_id"])
        audit.record("session_ended", user_id=user["_id"], which="all")
    click.echo("These logins have ended.")
