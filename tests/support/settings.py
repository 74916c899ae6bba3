"""The environment of every application that tests start, in their own process or under gunicorn."""

from pathlib import Path

SECRET_KEY = "a key for tests only: 7Qm2xKp9vR4tWz8b"


def environ(mongodb_uri: str, public_url: str, mail_folder: Path, **further: str) -> dict[str, str]:
    """A valid environment, with cheap password hashing and mails written into a folder."""
    return {
        "MONGODB_URI": mongodb_uri,
        "PUBLIC_URL": public_url,
        "SECRET_KEY": SECRET_KEY,
        "TRUSTED_HOSTS": "127.0.0.1,localhost",
        "MAIL_FOLDER": str(mail_folder),
        "MAIL_SENDER": "Waiter Caller <hello@waitercaller.test>",
        "LOG_FORMAT": "text",
        "ARGON2_MEMORY_KIB": "8192",
        "ARGON2_ROUNDS": "1",
        **further,
    }
