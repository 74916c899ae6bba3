"""wsgi.py with longer timeouts of the database."""

from tests.support import patience
from waitercaller.db import client

patience.begin()
client.OPERATION_SECONDS = patience.SECONDS

from wsgi import app as app  # noqa: E402 (after these changes)
