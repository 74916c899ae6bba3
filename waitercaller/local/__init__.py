"""Running on one computer without any set-up; nothing here is imported by the application itself."""


class LocalError(Exception):
    """Something a person has to put right first; the text is one sentence for the terminal."""
