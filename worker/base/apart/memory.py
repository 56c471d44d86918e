"""The memory limit of a process that works on untrusted bytes."""

import resource
from pathlib import Path


def limit_memory(most: int) -> None:
    """Limits this process to `most` bytes from now on, its interpreter included. Exceeding that raises
    MemoryError."""
    page = resource.getpagesize()
    size, resident = (int(field) * page for field in Path("/proc/self/statm").read_text().split()[:2])
    # What is mapped already but isn't resident, such as libraries' unused parts, doesn't count.
    limit = size - resident + most
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
