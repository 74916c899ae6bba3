"""The log of erasures: a file outside the database, by which a restored backup loses again who was erased since.

A line for each erased person and restaurant: when, which of the two, and the SHA-256 of the id; the ids themselves are
nowhere any more. Lines are only appended; the same line may stand there twice. Each machine has a log of its own.
"""

import hashlib
import os
from pathlib import Path
from typing import Literal

from bson import ObjectId

from waitercaller.db import clock
from waitercaller.db.config import config

What = Literal["person", "restaurant"]


def note(what: What, document_id: ObjectId) -> None:
    """Append that this person or restaurant is erased; nothing where no log is set. Raises OSError."""
    path = config().erasure_log
    if not path:
        return
    line = f"{clock.now():%Y-%m-%dT%H:%M:%SZ} {what} {hash_of(what, document_id)}\n"
    with open(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "a", encoding="ascii") as file:
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


def hashes() -> set[str]:
    """The hashes of all that was erased. Raises OSError, FileNotFoundError if nothing was noted on this machine."""
    return {line.split()[-1] for line in Path(config().erasure_log).read_text("ascii").splitlines() if line.strip()}


def hash_of(what: What, document_id: ObjectId) -> str:
    """What stands in the log for this person or restaurant."""
    return hashlib.sha256(f"{what}:{document_id}".encode()).hexdigest()
