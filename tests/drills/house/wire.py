"""HTTP/2 (RFC 9113) over TLS with callbacks: thousands of connections in one process, each of which costs little.

Header fields are sent as literals, without Huffman coding. The server is asked to keep no table of headers, so that a
response's first field, its status, can be read alone (RFC 7541).
"""

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable, Mapping
from typing import cast

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM, ACK, END_HEADERS = 1, 1, 4
CANCEL = 8  # an error code
HEADER_TABLE_SIZE, INITIAL_WINDOW_SIZE = 1, 4  # settings
LARGEST_WINDOW = 2**31 - 1
FIRST_WINDOW = 65_535
STATUSES = {0x88: 200, 0x89: 204, 0x8A: 206, 0x8B: 304, 0x8C: 400, 0x8D: 404, 0x8E: 500}
IP_BIND_ADDRESS_NO_PORT = 24  # linux/in.h: the port is chosen by connect(), so that each source has all of them
READ_BYTES = 65_536


class Answer:
    """The response to one request; `end` is called once, with status 0 if there was none."""

    def __init__(self, done: Callable[[int, bytes], None]) -> None:
        self.status = 0
        self._body = b""
        self._done = done

    def data(self, data: bytes) -> None:
        """A part of the body."""
        self._body += data

    def end(self, why: str) -> None:
        """The response is complete (`why` is empty), or it broke off."""
        self._done(0 if why else self.status, self._body)


class Connection:
    """A TLS connection from `source` to `port` of 127.0.0.1. `ended`: it can take no more requests."""

    def __init__(self, loop: asyncio.AbstractEventLoop, tls: ssl.SSLContext, name: str, source: str, port: int) -> None:
        self.ended = False
        self._loop = loop
        self._answers: dict[int, Answer] = {}
        self._next = 1
        settings = _setting(HEADER_TABLE_SIZE, 0) + _setting(INITIAL_WINDOW_SIZE, LARGEST_WINDOW)
        window = (LARGEST_WINDOW - FIRST_WINDOW).to_bytes(4, "big")
        self._out = PREFACE + _frame(SETTINGS, 0, 0, settings) + _frame(WINDOW_UPDATE, 0, 0, window)
        self._in = bytearray()
        self._name = name.encode()
        self._is_open = False  # the handshake is done
        plain = socket.socket()
        plain.setblocking(False)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plain.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        plain.bind((source, 0))
        assert plain.connect_ex(("127.0.0.1", port)) in (0, errno.EINPROGRESS)
        self._tls = tls
        self._socket: socket.socket = plain
        self._descriptor = plain.fileno()
        loop.add_writer(self._descriptor, self._encrypt)

    def ask(self, method: str, path: str, fields: Mapping[str, str], body: bytes, answer: Answer) -> None:
        """Send a request; it is kept until the connection is open."""
        stream, self._next = self._next, self._next + 2
        self._answers[stream] = answer
        pseudo = {":method": method, ":scheme": "https", ":authority": self._name.decode(), ":path": path}
        block = b"".join(_literal(key, value) for key, value in {**pseudo, **fields}.items())
        self._out += _frame(HEADERS, END_HEADERS | (0 if body else END_STREAM), stream, block)
        if body:
            self._out += _frame(DATA, END_STREAM, stream, body)
        if self._is_open:
            self._write()

    def cancel(self, answer: Answer, why: str) -> None:
        """Give up one request. The connection stays, unless its handshake is not done yet."""
        if not self._is_open:
            self.close(why)
        for stream in [stream for stream, each in self._answers.items() if each is answer]:
            del self._answers[stream]
            self._out += _frame(RST_STREAM, 0, stream, CANCEL.to_bytes(4, "big"))
            self._write()
            answer.end(why)

    def close(self, why: str) -> None:
        """End the connection; each open request hears why."""
        if self._descriptor < 0:
            return
        self.ended = True
        self._loop.remove_reader(self._descriptor)
        self._loop.remove_writer(self._descriptor)
        self._descriptor = -1
        self._socket.close()
        answers, self._answers = self._answers, {}
        for answer in answers.values():
            answer.end(why)

    def _encrypt(self) -> None:
        """Once the socket is connected: ssl reads from one that is not yet, and fails."""
        try:
            self._socket = self._tls.wrap_socket(
                self._socket, server_hostname=self._name.decode(), do_handshake_on_connect=False
            )
        except OSError as error:
            self.close(f"no connection: {type(error).__name__}")
        else:
            self._loop.add_writer(self._descriptor, self._shake_hands)

    def _shake_hands(self) -> None:
        try:
            cast(ssl.SSLSocket, self._socket).do_handshake()
        except ssl.SSLWantReadError:
            self._loop.remove_writer(self._descriptor)
            self._loop.add_reader(self._descriptor, self._shake_hands)
        except ssl.SSLWantWriteError:
            self._loop.add_writer(self._descriptor, self._shake_hands)
        except OSError as error:
            self.close(f"no connection: {type(error).__name__}")
        else:
            self._is_open = True
            self._loop.remove_writer(self._descriptor)
            self._loop.add_reader(self._descriptor, self._read)
            self._write()

    def _write(self) -> None:
        try:
            while self._out:
                self._out = self._out[self._socket.send(self._out) :]
        except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
            self._loop.add_writer(self._descriptor, self._write)
        except OSError:
            self.close("reset")
        else:
            self._loop.remove_writer(self._descriptor)

    def _read(self) -> None:
        why = ""
        try:
            while data := self._socket.recv(READ_BYTES):
                self._in += data
            why = "closed"
        except ssl.SSLWantReadError:
            pass
        except OSError:
            why = "reset"
        self._hear_frames()
        if why:
            self.close(why)

    def _hear_frames(self) -> None:
        while len(self._in) >= 9 and len(self._in) >= (end := 9 + int.from_bytes(self._in[:3], "big")):
            kind, flags = self._in[3], self._in[4]
            stream = int.from_bytes(self._in[5:9], "big")
            payload = bytes(self._in[9:end])
            del self._in[:end]
            self._hear(kind, flags, stream, payload)

    def _hear(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind in (SETTINGS, PING) and not flags & ACK:
            self._out += _frame(kind, ACK, 0, payload if kind == PING else b"")
            self._write()
        elif kind == GOAWAY:
            self.ended = True
            if not self._answers:
                self.close("goodbye")
        elif answer := self._answers.get(stream):
            if kind == HEADERS and not answer.status:  # later ones are trailers
                answer.status = status_in(payload)
            elif kind == DATA:
                answer.data(payload)
            if kind == RST_STREAM or (kind in (DATA, HEADERS) and flags & END_STREAM):
                self._answers.pop(stream, None)
                answer.end("reset" if kind == RST_STREAM else "")


def status_in(block: bytes) -> int:
    """The status in a block of header fields that no table is needed for."""
    first = next(at for at, byte in enumerate(block) if byte & 0xE0 != 0x20)  # after changes of the table's size
    if block[first] & 0x80:
        return STATUSES[block[first]]
    length, text = block[first + 1], block[first + 2 : first + 2 + (block[first + 1] & 0x7F)]
    if not length & 0x80:
        return int(text)
    bits = "".join(f"{byte:08b}" for byte in text)
    digits = ""
    while len(digits) < 3:  # 0, 1 and 2 have five bits, the other digits six
        size = 5 if bits.startswith("000") else 6
        digits += str(int(bits[:size], 2) - (0 if size == 5 else 0b011001 - 3))
        bits = bits[size:]
    return int(digits)


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def _setting(name: int, value: int) -> bytes:
    return name.to_bytes(2, "big") + value.to_bytes(4, "big")


def _literal(name: str, value: str) -> bytes:
    """A literal header field without indexing."""
    return b"\0" + _string(name.encode()) + _string(value.encode())


def _string(text: bytes) -> bytes:
    """Its length as an integer with a prefix of 7 bits, and the text."""
    if len(text) < 127:
        return bytes([len(text)]) + text
    rest, length = len(text) - 127, b"\x7f"
    while rest >= 128:
        length += bytes([rest % 128 + 128])
        rest //= 128
    return length + bytes([rest]) + text
