"""What the machine has and how it is used: free ports, and the CPU time of a process and its children."""

import os
import socket
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")
# Fields of /proc/PID/stat behind the name, which may have spaces: the parent, and the times of the process and of
# children that it has waited for, in user and system mode.
_PARENT, _TIMES = 1, slice(11, 15)


def cpu_of(pid: int) -> float:
    """Seconds of CPU that a process and all below it have used."""
    stats = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                stats[int(folder.name)] = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue  # It ended meanwhile.
    family, total = {pid}, 0.0
    # A child's number may be smaller than its parent's.
    while more := {child for child, stat in stats.items() if int(stat[_PARENT]) in family} - family:
        family |= more
    for member in family & stats.keys():
        total += sum(int(ticks) for ticks in stats[member][_TIMES]) / _TICK
    return total


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port
