"""A website for browsers: gunicorn with two workers and its own database process."""

from pathlib import Path

from tests.support import databases
from tests.support.gunicorn import PATIENT, Gunicorn
from tests.support.installation import Installation


class Website(Installation):
    """Serves on `url`."""

    target = PATIENT

    def __init__(self, folder: Path, **further: str) -> None:
        bind = f"127.0.0.1:{databases.free_port()}"
        super().__init__(folder, f"http://{bind}", **further)
        options = ["--log-level", "warning"]
        self.gunicorn = Gunicorn(bind, self.environ, folder / "gunicorn.log", options=options, target=self.target)

    def open(self) -> None:
        super().open()
        self.gunicorn.start()

    def close(self) -> None:
        self.gunicorn.stop()
        super().close()
