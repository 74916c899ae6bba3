"""The folder of one local installation: its data, its mails, its secret key, and who uses it now."""

import contextlib
import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

from waitercaller.local import LocalError
from waitercaller.push import encryption


def prepare(data: Path) -> None:
    """Make the folders that are missing. Raises LocalError where one cannot be used."""
    for folder in (data, data / "database", data / "mail"):
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise LocalError(f"{folder} must be a folder, but a file stands in its place; move that away.") from None
        except OSError as error:
            raise LocalError(f"The folder {folder} cannot be made ({error.strerror}).") from None
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            raise LocalError(f"The folder {folder} cannot be written by you; is it somebody else's?")


@contextlib.contextmanager
def only_one(data: Path, url: str) -> Iterator[bool]:
    """Keep the folder to ourselves; says whether the last run was killed, so that its children may still be ending.

    The kernel gives the folder free when we end, however we end.
    """
    with (data / "running").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            raise LocalError(f"Waiter Caller already runs on {data}: {file.read().strip()}") from None
        file.seek(0)
        was_killed = bool(file.read())
        file.truncate(0)
        file.write(f"open {url}, or stop process {os.getpid()} first.\n")
        file.flush()
        yield was_killed
        file.truncate(0)


def secret_key(data: Path) -> str:
    """The key that signs logins and links; kept, so that they survive a restart."""
    return _kept(data / "secret_key", lambda: secrets.token_urlsafe(48), "ends all logins")


def vapid_private_key(data: Path) -> str:
    """The key that signs push messages; kept, so that phones need not subscribe again."""
    return _kept(data / "vapid_private_key", encryption.new_private_key, "phones have to subscribe to again")


def _kept(path: Path, make: Callable[[], str], consequence: str) -> str:
    try:
        if not path.exists():
            _write_once(path, make())
        key = path.read_text("ascii").strip()
    except (OSError, ValueError) as error:
        raise LocalError(f"The key in {path} cannot be read ({error}).") from None
    if len(key) < 32:
        raise LocalError(f"The key in {path} is damaged; remove that file for a new key, which {consequence}.")
    return key


def _write_once(path: Path, text: str) -> None:
    """All of it or nothing, readable by nobody else."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
