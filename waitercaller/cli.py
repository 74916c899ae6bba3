"""Command-line commands for operators; the work is done in the modules that they call."""

from pathlib import Path

import click
from email_validator import EmailNotValidError
from flask import Flask, current_app
from flask.cli import with_appcontext
from pymongo.errors import PyMongoError

from waitercaller.auth.account import erased_again
from waitercaller.auth.mails import INVITATION_LIFETIME
from waitercaller.db import schema, server
from waitercaller.db.client import db, patiently
from waitercaller.mail import outbox
from waitercaller.model import logins, tokens, upkeep, users
from waitercaller.model.languages import DEFAULT_LANGUAGE, STAFF_LANGUAGES
from waitercaller.model.users import User
from waitercaller.ops import archive, dialogue, losses, restaurant_commands, user_commands
from waitercaller.ops import backup as backups
from waitercaller.ops import doctor as doctors
from waitercaller.push import encryption
from waitercaller.web import audit
from waitercaller.web.fields import normalise_address
from waitercaller.web.routing import address_of


def init_app(app: Flask) -> None:
    app.cli.add_command(build_database)
    app.cli.add_command(end_logins)
    app.cli.add_command(invite_owner)
    app.cli.add_command(restaurant_commands.group)
    app.cli.add_command(user_commands.group)
    app.cli.add_command(vapid_key)
    app.cli.add_command(doctor)
    app.cli.add_command(backup)
    app.cli.add_command(restore)
    app.cli.add_command(check_database)
    app.cli.add_command(show_losses)
    app.cli.add_command(erase_again)
    app.cli.add_command(note_upkeep)


@click.command("build-database")
def build_database() -> None:
    """Create the collections, indexes and validators that are missing."""
    try:
        with patiently():
            schema.build(db())
    except schema.IndexConflict as error:
        raise click.ClickException(str(error)) from error
    click.echo("The database has its indexes and validators.")


@click.command("end-logins")
@click.argument("email", required=False)
@click.option("--all", "everybody", is_flag=True, help="End the logins of everybody, screens included.")
@with_appcontext
def end_logins(email: str | None, everybody: bool) -> None:
    """End every login of the user with this e-mail address, for example after a theft."""
    if bool(email) == everybody:
        raise click.UsageError("Name either an address or --all.")
    if everybody:
        with patiently():
            logins.end_every_login()
    else:
        user = _user(str(email))
        with patiently():
            logins.end_all(user["_id"])
        audit.record("session_ended", user_id=user["_id"], which="all")
    click.echo("These logins have ended.")


@click.command("invite-owner")
@click.argument("email")
@click.option("--print", "is_printed", is_flag=True, help="Print the link instead of mailing it.")
@click.option("--language", type=click.Choice(STAFF_LANGUAGES), default=DEFAULT_LANGUAGE, help="Of the mail.")
@with_appcontext
def invite_owner(email: str, is_printed: bool, language: str) -> None:
    """Invite the owner of a new restaurant, whoever else may register (REGISTRATION); an earlier invitation ends.

    The link is good for seven days, for this address only, which is confirmed by mail as always.
    """
    try:
        email = normalise_address(email.strip())
    except EmailNotValidError:
        raise click.ClickException("This is no complete e-mail address.") from None
    if users.with_address(email):
        raise click.ClickException("This address has an account already.")
    if is_printed:
        token = tokens.issue("owner", email, INVITATION_LIFETIME)
        click.echo(address_of("auth.owner_link", token=token))
    else:
        outbox.enqueue("owner_invitation", email, language=language)
        click.echo(f"A mail with the link is on its way to {email}.")


@click.command("vapid-key")
def vapid_key() -> None:
    """Print a new private key for signing push messages (VAPID_PRIVATE_KEY)."""
    click.echo(encryption.new_private_key())


@click.command("doctor")
@click.option("--step-down", is_flag=True, help="Have the primary step down, and see how long writes are refused.")
@with_appcontext
def doctor(step_down: bool) -> None:
    """Check everything that the service needs, and print advice for each problem.

    --step-down prompts for a MongoDB URI with an administrator's name and password (role clusterManager). Pages answer
    503 for some seconds meanwhile, so do it at a time with little traffic.
    """
    if step_down:
        _step_down()
        return
    wrong = 0
    for finding in doctors.examine(current_app):
        click.echo(f"{finding.state}  {finding.what}")
        if finding.advice:
            click.echo(f"      {finding.advice}")
        wrong += finding.state == "BAD"
    if wrong:
        raise click.ClickException(f"{wrong} of these need you.")
    click.echo("All is well.")


@click.command("backup")
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False))
@with_appcontext
def backup(path: Path) -> None:
    """Write the whole database to the file PATH (mode 600)."""
    try:
        with patiently():
            checksums = backups.backup(db(), path)
    except OSError as error:
        raise click.ClickException(str(error)) from error
    except PyMongoError as error:
        raise click.ClickException(_error_message(error)) from error
    how = archive.header_of(path)["consistency"]
    moment = "all of one moment" if how == "snapshot" else "each document as it was at some moment during the backup"
    click.echo(f"{path}: {_total(checksums)}, {moment}.")


@click.command("restore")
@click.argument("path", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--replace", is_flag=True, help="Afterwards, let it take the place of the present database.")
@click.option("--yes", is_flag=True, help="Do not ask before that.")
@with_appcontext
def restore(path: Path, replace: bool, yes: bool) -> None:
    """Restore the backup PATH to a second database and compare documents and indexes.

    With --replace the backup then replaces the present database: stop Waiter Caller first.
    """
    try:
        with patiently():
            _restore(path, replace, yes)
    except (archive.Damaged, backups.Mismatch, schema.IndexConflict) as error:
        raise click.ClickException(str(error)) from error
    except PyMongoError as error:
        raise click.ClickException(_error_message(error)) from error


@click.command("check-database")
@with_appcontext
def check_database() -> None:
    """Print the number of documents; fail if the database is empty or indexes are missing. For use after a restore."""
    try:
        with patiently():  # restore.sh does not start the service if this fails
            counts, missing = schema.document_counts(db()), schema.missing_indexes(db())
    except PyMongoError as error:
        raise click.ClickException(_error_message(error)) from error
    click.echo(", ".join(f"{name} {count}" for name, count in counts.items() if count) or "empty")
    if missing:
        raise click.ClickException(f"Indexes are missing: {', '.join(missing)}.")
    if not counts["users"]:
        raise click.ClickException("Nobody is in this database.")


@click.command("show-losses")
@click.argument("restored")
@with_appcontext
def show_losses(restored: str) -> None:
    """Print what the present database has and the database RESTORED has not. For use before a restore."""
    with patiently():
        dialogue.echo(*losses.sentences(db(), db().client[restored]))


@click.command("erase-again")
@with_appcontext
def erase_again() -> None:
    """Erase the accounts and restaurants again that ERASURE_LOG names. For use after a restore."""
    try:
        with patiently():
            _erase_again()
    except PyMongoError as error:
        raise click.ClickException(_error_message(error)) from error


@click.command("note-upkeep")
@click.argument("work", type=click.Choice(["backup", "drill"]))
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("seconds", type=click.IntRange(min=0))
@with_appcontext
def note_upkeep(work: upkeep.Work, file: Path, seconds: int) -> None:
    """Note that a backup was just made, or a restore of it tried. For backup.sh and restore.sh."""
    try:
        upkeep.note(work, file.name, seconds)
    except PyMongoError as error:
        raise click.ClickException(_error_message(error)) from error


def _step_down() -> None:
    admin_uri = click.prompt("ADMIN_MONGODB_URI", hide_input=True)
    try:
        with patiently():
            seconds = server.step_down(admin_uri)
    except PyMongoError as error:
        raise click.ClickException(_error_message(error)) from error
    click.echo(f"Another server is the primary, and confirms writes after {seconds:.1f} s.")


def _restore(path: Path, replace: bool, yes: bool) -> None:
    present, beside = db(), db().client[f"{db().name}_restored"]
    lost: list[str] = []
    checksums = backups.rehearse(path, beside, lambda: lost.extend(losses.sentences(present, beside)))
    click.echo(f"Restored to {beside.name} and compared: {_total(checksums)}, documents and indexes are the same.")
    dialogue.echo(*lost)
    if not replace:
        click.echo(f"{present.name} was not touched; --replace puts the backup in its place.")
        return
    if not yes:
        click.confirm(f"Replace all that is in {present.name}?", abort=True)
    backups.restore(path, present)
    schema.build(present)  # the backup may come from an older version
    click.echo(f"{present.name} is as it was at {archive.header_of(path)['made_at']:%Y-%m-%d %H:%M} UTC.")
    _erase_again()
    click.echo(losses.LOGINS)


def _erase_again() -> None:
    try:
        dialogue.echo(*erased_again.erase_again())
    except (OSError, ValueError) as error:
        raise click.ClickException(f"ERASURE_LOG cannot be read: {error}. Then: waitercaller erase-again") from error


def _user(email: str) -> User:
    user = users.with_address(email.strip().lower())
    if user is None:
        raise click.ClickException("Nobody has this address.")
    return user


def _error_message(error: PyMongoError) -> str:
    """The type and code of the error only: MongoDB's messages may quote documents, hence personal data."""
    return f"The database failed: {type(error).__name__}, code {getattr(error, 'code', None)}. Try: waitercaller doctor"


def _total(checksums: dict[str, dict[str, int]]) -> str:
    return f"{sum(each['count'] for each in checksums.values())} documents in {len(checksums)} collections"
