"""MongoDB's wire protocol, as far as a proxy needs it.

Messages as in https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/: OP_MSG with its document sequences,
and the OP_QUERY and OP_REPLY with which drivers still say hello. Compression is not negotiated by our addresses.
"""

import socket
import struct
from dataclasses import dataclass
from typing import Any

import bson
from bson.codec_options import CodecOptions

Document = dict[str, Any]

OP_REPLY, OP_QUERY, OP_MSG = 1, 2004, 2013
CHECKSUM_PRESENT, MORE_TO_COME = 1, 2
HEADER = struct.Struct("<iiii")  # length in bytes, id, id of the message that this answers, kind
BODY, SEQUENCE = 0, 1  # kinds of sections of an OP_MSG
OPTIONS: CodecOptions[Document] = CodecOptions(document_class=dict, tz_aware=True)
_FLAGS = b"\0\0\0\0"


@dataclass(frozen=True)
class Message:
    """One message as it came, header included."""

    data: bytes

    @property
    def id(self) -> int:
        return int(HEADER.unpack_from(self.data)[1])

    @property
    def kind(self) -> int:
        return int(HEADER.unpack_from(self.data)[3])

    @property
    def flags(self) -> int:
        return int(struct.unpack_from("<I", self.data, 16)[0]) if self.kind == OP_MSG else 0

    @property
    def more_to_come(self) -> bool:
        """Of a command: nobody is to answer it. Of an answer: another one follows by itself."""
        return bool(self.flags & MORE_TO_COME)


def read(connection: socket.socket) -> Message | None:
    """The next message; None when the other side has closed. Raises OSError."""
    header = _receive(connection, HEADER.size)
    rest = header and _receive(connection, HEADER.unpack(header)[0] - HEADER.size)
    return Message(header + rest) if header and rest else None


def document_of(message: Message) -> Document:
    """The command or the answer that this message carries, with its sequences of documents as lists in it."""
    if message.kind != OP_MSG:
        return _decode(message.data[_start_of_body(message) :])
    document: Document = {}
    sequences: dict[str, list[Document]] = {}
    for kind, content in _sections(message):
        if kind == BODY:
            document = _decode(content)
        else:
            name, _, documents = content.partition(b"\0")
            sequences[name.decode()] = bson.decode_all(documents, OPTIONS)
    return document | sequences


def with_document(message: Message, document: Document) -> Message:
    """The same message with this for its body; its sequences of documents stay as they are."""
    if message.kind != OP_MSG:
        return _message(message, message.data[HEADER.size : _start_of_body(message)] + bson.encode(document))
    sequences = [content for kind, content in _sections(message) if kind == SEQUENCE]
    names = {content.partition(b"\0")[0].decode() for content in sequences}
    body = bson.encode({key: value for key, value in document.items() if key not in names})
    flags = struct.pack("<I", message.flags & ~CHECKSUM_PRESENT)
    packed = b"".join(b"\1" + struct.pack("<i", 4 + len(content)) + content for content in sequences)
    return _message(message, flags + b"\0" + body + packed)


def command(document: Document) -> Message:
    """A command of the proxy's own."""
    content = _FLAGS + b"\0" + bson.encode(document)
    return Message(HEADER.pack(HEADER.size + len(content), 0, 0, OP_MSG) + content)


def answer(message: Message, document: Document) -> Message:
    """An answer to this message."""
    content = _FLAGS + b"\0" + bson.encode(document)
    return Message(HEADER.pack(HEADER.size + len(content), 0, message.id, OP_MSG) + content)


def _decode(data: bytes) -> Document:
    return bson.decode(data, OPTIONS)


def _start_of_body(message: Message) -> int:
    """Where the document of an OP_QUERY or OP_REPLY begins."""
    if message.kind == OP_REPLY:
        return HEADER.size + 20
    return message.data.index(b"\0", HEADER.size + 4) + 1 + 8  # flags, name, numbers to skip and to return


def _sections(message: Message) -> list[tuple[int, bytes]]:
    """Kind and content of each section: the document, or the name and documents of a sequence."""
    data, sections = message.data, []
    at, end = HEADER.size + 4, len(data) - (4 if message.flags & CHECKSUM_PRESENT else 0)
    while at < end:
        (size,) = struct.unpack_from("<i", data, at + 1)
        content = data[at + 1 : at + 1 + size]
        sections.append((data[at], content if data[at] == BODY else content[4:]))
        at += 1 + size
    return sections


def _message(like: Message, content: bytes) -> Message:
    _, number, answers, kind = HEADER.unpack_from(like.data)
    return Message(HEADER.pack(HEADER.size + len(content), number, answers, kind) + content)


def _receive(connection: socket.socket, number: int) -> bytes:
    """So many bytes, or b"" when the other side closed before."""
    parts, missing = [], number
    while missing:
        part = connection.recv(min(missing, 1 << 20))
        if not part:
            return b""
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)
