"""The local run without set-up; imported by `__main__` only, not by the application."""


class LocalError(Exception):
    """A problem that the user must fix; the message is one sentence for the terminal."""
