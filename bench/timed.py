"""Times chosen functions of a process: how often each was called, how long it took, and how much CPU.

A function that waits, for Redis or another process, takes time and no CPU.
"""

import json
import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

_EVERY = 0.2


class Timers:
    """What was measured in this process. A thread writes it to a file five times a second, since the processes that
    do a worker's work are killed in the end."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._sums: dict[str, list[float]] = defaultdict(lambda: [0, 0.0, 0.0])
        threading.Thread(target=self._write, daemon=True).start()

    def time(self, name: str, owner: Any, function: str) -> None:
        """Replaces a function of a module or class by one that is timed under a name. Sums are kept for each."""
        untimed: Callable[..., Any] = getattr(owner, function)

        def timed(*args: Any, **kwargs: Any) -> Any:
            wall, cpu = time.perf_counter(), time.thread_time()
            try:
                return untimed(*args, **kwargs)
            finally:
                self.add(name, time.perf_counter() - wall, time.thread_time() - cpu)

        setattr(owner, function, timed)

    def add(self, name: str, wall: float, cpu: float) -> None:
        with self._lock:
            sums = self._sums[name]
            for index, value in enumerate((1, wall, cpu)):
                sums[index] += value

    def _write(self) -> None:
        while True:
            time.sleep(_EVERY)
            with self._lock:
                text = json.dumps({**self._sums, "process": [1, time.monotonic(), time.process_time()]})
            whole = self._file.with_suffix(f".{os.getpid()}")
            whole.write_text(text)
            whole.replace(self._file)
