"""`flask operators`: who may open the page of diagnostics."""

import click

from waitercaller.db.client import patiently
from waitercaller.model import operators, users
from waitercaller.model.users import User
from waitercaller.operators import blueprint
from waitercaller.web import audit

blueprint.cli.help = "Who may open the page of diagnostics."


@blueprint.cli.command("add")
@click.argument("email")
def add(email: str) -> None:
    """Let the user with this e-mail address open the page of diagnostics."""
    user = _user(email)
    if not operators.add(user["_id"]):
        raise click.ClickException("They are an operator already.")
    audit.record("operator_added", user_id=user["_id"])
    click.echo("They find the page in the menu behind their name.")
    if "two_factor" not in user:
        click.echo("It does not open without two-factor login, which they are asked to set up first.")


@blueprint.cli.command("remove")
@click.argument("email")
def remove(email: str) -> None:
    """Take that from this user; it counts at once."""
    user = _user(email)
    if not operators.remove(user["_id"]):
        raise click.ClickException("They are no operator.")
    audit.record("operator_removed", user_id=user["_id"])
    click.echo("They are no operator any more.")


@blueprint.cli.command("list")
def show() -> None:
    """Print the addresses of all operators, and since when they are."""
    with patiently():
        found = operators.everybody()
    for user in found:
        click.echo(f"{user['email']}  since {user['operator_since']:%Y-%m-%d}")
    if not found:
        click.echo("Nobody is an operator.")


def _user(email: str) -> User:
    user = users.with_address(email.strip().lower())
    if user is None:
        raise click.ClickException("Nobody has this address.")
    return user
