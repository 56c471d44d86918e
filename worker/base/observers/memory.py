"""The memory of a worker's processes, and how much they may take."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PROC, _CGROUPS = Path("/proc"), Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class DeviceMemory:
    """A CUDA device's memory in bytes."""

    total: int
    used: int
    """By all processes, with what their allocators keep for later."""
    peak: int
    """The most that this worker's tensors took at once."""


@dataclass(frozen=True, slots=True)
class WorkerMemory:
    """What a worker can be asked at any time. Neither function blocks."""

    pids: Callable[[], Mapping[str, int | None]]
    """Its processes by name; None for one that doesn't run."""
    device: Callable[[], DeviceMemory | None]
    """None where the device has no memory of its own, or nothing was rendered yet."""


def unreclaimable(pid: int | str) -> int:
    """Bytes of a process that the kernel can't take back: without mapped files, such as weights. 0 if it is
    gone."""
    try:
        status = (_PROC / str(pid) / "status").read_text()
    except OSError:
        return 0
    fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return sum(int(fields.get(name, "0").split()[0]) * 1024 for name in ("RssAnon", "RssShmem"))


def memory_limit() -> int:
    """Bytes that this process and its children may take: the least limit of its control groups (version 2), or the
    machine's memory."""
    limits = [_machine_memory()]
    with suppress(OSError):
        lines = (_PROC / "self" / "cgroup").read_text().splitlines()
        group = next((line.removeprefix("0::") for line in lines if line.startswith("0::")), "/")
        folder = _CGROUPS / group.lstrip("/")
        for place in (folder, *folder.parents):
            # A group without a limit says `max`; the root has no such file.
            with suppress(OSError, ValueError):
                limits.append(int((place / "memory.max").read_text()))
    return min(limits)


def _machine_memory() -> int:
    first = (_PROC / "meminfo").read_text().splitlines()[0]
    return int(first.split()[1]) * 1024
