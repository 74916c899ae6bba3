"""Ports and IP addresses of this computer."""

import errno
import os
import socket

ANY = "0.0.0.0"  # noqa: S104 - compared with, not bound to


def free_port() -> int:
    """A port that is currently free on 127.0.0.1."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def problem_with(host: str, port: int) -> str | None:
    """Why a server cannot listen there, as one sentence; None if it can."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen()  # with SO_REUSEADDR, bind() alone can succeed on a port in use
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return f"Port {port} is in use; stop what uses it, or choose another, as in PORT={port + 1} make run."
        if error.errno == errno.EACCES:
            return f"Port {port} needs an administrator's rights; choose one from 1024, as in PORT=8000 make run."
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        return f"HOST={host} is no address of this computer ({reason}); leave it out, or use HOST=0.0.0.0."
    return None


def local_network_address() -> str | None:
    """The IPv4 address of this computer in the local network; None if there is none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # UDP: sends nothing, only selects a route
        except OSError:
            return None
        address = str(probe.getsockname()[0])
    return None if address.startswith(("127.", "0.")) else address
