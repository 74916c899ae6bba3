"""A TCP proxy that can make event streams hang without closing them, as failing networks do."""

import socket
import threading
from contextlib import suppress
from types import TracebackType

from tests.support import databases

CHUNK = 65_536
STREAM = b"text/event-stream"


class Proxy:
    """Forwards connections to `port` of this machine."""

    def __init__(self, port: int) -> None:
        self.port = databases.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._upstream = port
        self._streams: list[threading.Event] = []  # one per event stream: set while it hangs
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", self.port))

    def __enter__(self) -> "Proxy":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each in (self._listener, *self._sockets):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def hang(self) -> int:
        """Make the open event streams hang without closing them; returns their number."""
        for hanging in self._streams:
            hanging.set()
        return len(self._streams)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                visitor, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._upstream))
                self._sockets += [visitor, server]
                hanging = threading.Event()
                for ends in ((visitor, server, False), (server, visitor, True)):
                    threading.Thread(target=self._pass_on, args=(*ends, hanging), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, answers: bool, hanging: threading.Event) -> None:
        with suppress(OSError):
            while data := source.recv(CHUNK):
                if answers and STREAM in data and hanging not in self._streams:
                    self._streams.append(hanging)
                if not hanging.is_set():
                    target.sendall(data)
            if not hanging.is_set():
                target.shutdown(socket.SHUT_WR)
