"""The data folder of a local installation: folders, lock, and keys."""

import contextlib
import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

from waitercaller.local import LocalError
from waitercaller.push import encryption


def prepare(data: Path) -> None:
    """Create missing folders. Raises LocalError if one cannot be used."""
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
    """Lock the folder (flock); yields whether the last run was killed, so that its children may still be stopping.

    The kernel releases the lock when the process ends. Raises LocalError if the folder is in use.
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
    """The key that signs cookies and links; stored, so that they survive a restart."""
    return _stored_key(data / "secret_key", lambda: secrets.token_urlsafe(48), "ends all logins")


def vapid_private_key(data: Path) -> str:
    """The VAPID key of push messages; stored, so that subscriptions stay valid."""
    return _stored_key(data / "vapid_private_key", encryption.new_private_key, "phones have to subscribe to again")


def _stored_key(path: Path, make: Callable[[], str], consequence: str) -> str:
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
    """Write a file atomically, with mode 0600."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
