"""CPU and memory of the programs that this process has started, each with all its processes."""

import os
from contextlib import suppress
from pathlib import Path

NAMES = {"gunicorn": "gunicorn", "apache2": "Apache", "secantusd": "database", "house.load": "load generator"}
TICKS = os.sysconf("SC_CLK_TCK")
SESSION, USER, SYSTEM, CHILDREN_USER, CHILDREN_SYSTEM = 5, 13, 14, 15, 16  # fields in /proc/<pid>/stat, from 0


def processes() -> dict[str, list[int]]:
    """The processes of each program: each program is a session, whose leader is a child of this process."""
    found: dict[str, list[int]] = {}
    leaders = {pid: _name(pid) for pid in _children(os.getpid())}
    for pid in [int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit()]:
        with suppress(OSError):
            if name := leaders.get(int(_stat(pid)[SESSION]), ""):
                found.setdefault(name, []).append(pid)
    return found


def cpu_seconds() -> dict[str, float]:
    """What each program has used, those processes included that have ended and been waited for."""
    used: dict[str, float] = {}
    for name, pids in processes().items():
        for pid in pids:
            with suppress(OSError):
                fields = _stat(pid)
                ticks = sum(int(fields[each]) for each in (USER, SYSTEM, CHILDREN_USER, CHILDREN_SYSTEM))
                used[name] = used.get(name, 0.0) + ticks / TICKS
    return used


def megabytes() -> dict[str, float]:
    """What each program holds; pages that processes share are counted once (PSS)."""
    held: dict[str, float] = {}
    for name, pids in processes().items():
        for pid in pids:
            with suppress(OSError, IndexError):
                text = Path(f"/proc/{pid}/smaps_rollup").read_text()
                held[name] = held.get(name, 0.0) + int(text.partition("\nPss:")[2].split()[0]) / 1000
    return held


def machine_seconds() -> float:
    """CPU that all programs of the machine and the kernel have used."""
    user, nice, system, _idle, _wait, *rest = map(int, Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system + sum(rest[:2])) / TICKS


def _children(pid: int) -> list[int]:
    return [
        int(word) for task in Path(f"/proc/{pid}/task").iterdir() for word in (task / "children").read_text().split()
    ]


def _name(pid: int) -> str:
    with suppress(OSError):
        line = Path(f"/proc/{pid}/cmdline").read_text()
        return next((name for word, name in NAMES.items() if word in line), "")
    return ""


def _stat(pid: int) -> list[str]:
    """The fields; the second is the program's name in parentheses, which may hold spaces."""
    before, _, after = Path(f"/proc/{pid}/stat").read_text().rpartition(")")
    return [before.split()[0], before, *after.split()]
