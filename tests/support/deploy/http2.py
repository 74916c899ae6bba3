"""A minimal HTTP/2 client (RFC 9113) for one request whose response is a stream."""

from asyncio import IncompleteReadError, StreamReader, StreamWriter
from collections.abc import AsyncIterator

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING = 0, 1, 3, 4, 6
END_STREAM, ACK, END_HEADERS = 1, 1, 4
STATUS_200 = 0x88  # RFC 7541: the indexed header ":status: 200"


def _frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def _literal(name: bytes, value: bytes) -> bytes:
    """A literal header field; name and value must be shorter than 127 bytes."""
    return bytes([0, len(name)]) + name + bytes([len(value)]) + value


async def ask(reader: StreamReader, writer: StreamWriter, host: str, path: str) -> AsyncIterator[bytes]:
    """GET `path`: yields b"200" or b"other", then the lines of the body as they arrive."""
    fields = {":method": "GET", ":scheme": "https", ":authority": host, ":path": path, "accept": "text/event-stream"}
    block = b"".join(_literal(name.encode(), value.encode()) for name, value in fields.items())
    writer.write(PREFACE + _frame(SETTINGS, 0, 0) + _frame(HEADERS, END_STREAM | END_HEADERS, 1, block))
    rest = b""
    while True:
        try:
            head = await reader.readexactly(9)
            payload = await reader.readexactly(int.from_bytes(head[:3], "big"))
        except IncompleteReadError:
            return
        kind, flags = head[3], head[4]
        if kind in (SETTINGS, PING) and not flags & ACK:
            writer.write(_frame(kind, ACK, 0, payload if kind == PING else b""))
        elif kind == HEADERS:
            yield b"200" if payload[:1] == bytes([STATUS_200]) else b"other"
        elif kind == DATA:
            *lines, rest = (rest + payload).split(b"\n")
            for line in lines:
                yield line
        if kind == RST_STREAM or (kind in (DATA, HEADERS) and flags & END_STREAM):
            return
