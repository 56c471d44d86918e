"""`likeness workers`: a supervised worker for each device of a machine."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from typing import IO

import structlog

from models.errors import InvalidSettings
from worker.base.endings import ExitCode
from worker.base.observers.logs import Format, configure_logs, format_of
from worker.base.settings import settings

log = structlog.get_logger()

# In seconds: the wait before a worker that ended is restarted, which doubles each time; its maximum; and how long a
# worker must have lived for the next wait to be short again.
_WAIT, _LONGEST_WAIT, _LIVED = 1.0, 60.0, 120.0
_TICK = 0.2
_DIES_WITH_PARENT = 1  # PR_SET_PDEATHSIG
_COUNT = "import torch; print(torch.cuda.device_count() if torch.cuda.is_available() else 0)"


def devices_named(text: str) -> list[str]:
    """Parses `all`, or CUDA device numbers and names (`0,2,cpu`) separated by commas. Raises InvalidSettings."""
    if text == "all":
        done = subprocess.run([sys.executable, "-c", _COUNT], capture_output=True, text=True, check=False)  # noqa: S603
        count = int(done.stdout.strip() or 0) if done.returncode == 0 else 0
        if not count:
            raise InvalidSettings(
                "There is no CUDA device here that torch can use. Run `likeness doctor`, or name devices: "
                "--devices 0,1."
            )
        return [f"cuda:{number}" for number in range(count)]
    names = [f"cuda:{name}" if name.isdecimal() else name for name in map(str.strip, text.split(",")) if name]
    if not names:
        raise InvalidSettings("Name at least one device: --devices all, or --devices 0,2.")
    return names


class SupervisedWorker:
    """One device's worker process. `number` counts from 0, and is added to LIKENESS_HTTP_PORT."""

    def __init__(self, number: int, device: str, jobs: int) -> None:
        self.name = f"{number}:{device}"
        self.code: int | None = None
        """Its exit code, once it ended for good."""
        port = settings().http_port
        # Its output goes through a pipe, but where this process's goes decides what it looks like.
        self._environment = os.environ | {"LIKENESS_DEVICE": device, "LIKENESS_LOG_FORMAT": _format()}
        if port:
            self._environment["LIKENESS_HTTP_PORT"] = str(port + number)
        self._jobs = jobs
        self._wait = _WAIT
        self._next_start = 0.0
        self._process: subprocess.Popen[bytes] | None = None

    def look(self, *, is_ending: bool) -> None:
        """Starts or restarts the worker if it is time, and notes its end."""
        if self.code is not None:
            return
        if self._process is None:
            if is_ending:
                self.code = ExitCode.DONE
            elif time.monotonic() >= self._next_start:
                self._start()
            return
        code = self._process.poll()
        if code is None:
            return
        self._process = None
        # A worker that drained was told to, and settings don't mend themselves.
        if is_ending or code in (ExitCode.DONE, ExitCode.UNUSABLE):
            self.code = code
            return
        now = time.monotonic()
        wait = _WAIT if now - self._started > _LIVED else self._wait
        self._wait, self._next_start = min(2 * wait, _LONGEST_WAIT), now + wait
        log.warning("worker.restarts", worker=self.name, exitCode=code, wait=wait)

    def signal(self, number: int) -> None:
        if self._process:
            self._process.send_signal(number)

    def _start(self) -> None:
        self._started = time.monotonic()
        self._process = subprocess.Popen(  # noqa: S603 - this very program
            [sys.executable, "-m", "worker", "worker", "--jobs", str(self._jobs)],
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # With a group of its own, Ctrl-C reaches only the supervisor, which passes it on.
            process_group=0,
            preexec_fn=_end_with_parent,  # noqa: PLW1509 - one system call, for which no thread holds a lock
        )
        assert self._process.stdout
        threading.Thread(target=_tell_apart, args=(self._process.stdout, self.name), daemon=True).start()


def run(devices: Sequence[str], jobs: int) -> int:
    """Supervises workers until SIGTERM or Ctrl-C drains them all, or until every worker ended for good. Returns the
    exit code: 0, or that of the first worker that wasn't drained."""
    configure_logs(settings())
    workers = [SupervisedWorker(number, device, jobs) for number, device in enumerate(devices)]
    told: list[int] = []

    def tell(number: int, _: object) -> None:
        # On a second signal, workers end at once.
        for worker in workers:
            worker.signal(signal.SIGQUIT if told else signal.SIGTERM)
        told.append(number)

    signal.signal(signal.SIGTERM, tell)
    signal.signal(signal.SIGINT, tell)
    while any(worker.code is None for worker in workers):
        for worker in workers:
            worker.look(is_ending=bool(told))
        time.sleep(_TICK)
    before_it_loaded = (128 + signal.SIGTERM, 128 + signal.SIGINT)
    codes = [worker.code or 0 for worker in workers if not (told and worker.code in before_it_loaded)]
    return next((abs(code) for code in codes if code), 0)


def _tell_apart(lines: IO[bytes], name: str) -> None:
    """Passes on a worker's log under its name: a line of JSON gets a field, and one for a console a prefix."""
    is_json = _format() == "json"
    for line in lines:
        if is_json and not line.startswith(b'{"'):
            # Python itself wrote it, before or after there was a log.
            log.info("worker.printed", worker=name, line=line.decode(errors="replace").rstrip())
            continue
        told = (
            b'{"worker": "' + name.encode() + b'", ' + line[1:] if is_json else f"[{name}] ".encode() + line
        )
        sys.stderr.buffer.write(told)
        sys.stderr.buffer.flush()


def _format() -> Format:
    return format_of(settings().log_format)


def _end_with_parent() -> None:
    """Makes the worker drain if its supervisor is killed."""
    ctypes.CDLL(None).prctl(_DIES_WITH_PARENT, signal.SIGTERM)
