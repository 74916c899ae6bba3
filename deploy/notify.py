"""Mails the operator: `notify.py SUBJECT < text`, to OPERATOR_EMAIL, by the application's mail server.

Without the outbox, since it must work while the database is away. On failure it prints the reason and exits with 1.
"""

import os
import socket
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import flask_mail

from config import Config, ConfigError
from waitercaller import create_app
from waitercaller.mail import smtp


def main() -> int:
    to = os.environ.get("OPERATOR_EMAIL", "")
    if len(sys.argv) != 2 or not to:
        print("notify.py SUBJECT < text, with OPERATOR_EMAIL in the environment", file=sys.stderr)
        return 2
    try:
        _send(to, f"[{socket.gethostname()}] {' '.join(sys.argv[1].split())}", sys.stdin.read())
    except (ConfigError, OSError) as error:
        reason = str(error) if isinstance(error, ConfigError) else smtp.reason(error)
        print(f"The mail to {to} was not sent: {reason}", file=sys.stderr)
        return 1
    print(f"Mailed {to}.")
    return 0


def _send(to: str, subject: str, body: str) -> None:
    with create_app(Config.from_env(os.environ)).app_context():
        smtp.deliver(flask_mail.Message(subject=subject, recipients=[to], body=body))


if __name__ == "__main__":
    raise SystemExit(main())
