"""A spawned child process and its pipe: what the render, verify and watermark processes have in common."""

import atexit
import faulthandler
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import TextIOWrapper
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnContext, SpawnProcess
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import structlog

from models.errors import LikenessError
from worker.base.children.pixel_pipe import PixelPipe

log = structlog.get_logger()

Info = TypeVar("Info")

_MOST_LINE = 4096  # characters of what a child prints

TICK = 0.1
"""How often a waiting parent checks whether the job must stop, in seconds."""


@dataclass(frozen=True, slots=True)
class Ready(Generic[Info]):
    """The child's first message: it is loaded."""

    info: Info


@dataclass(frozen=True, slots=True)
class Failed:
    """From the child: the order, or the loading, failed. The error has no traceback."""

    error: LikenessError
    ends_process: bool = False
    """Whether the child exits after this, since it can't be used any more."""


class SpawnedChild(Generic[Info]):
    """The parent's handle on one child. Only one thread at a time may use it, except for `kill`."""

    what: ClassVar[str]
    """Its name in messages: `render process`."""
    died: ClassVar[type[LikenessError]]
    hung: ClassVar[type[LikenessError]]
    slow_to_load: ClassVar[type[LikenessError]]
    load_failures: ClassVar[tuple[type[LikenessError], ...]]
    """The errors of `wait_ready` that mean that the child can't be used."""

    def __init__(self, spawn: SpawnContext, main: Callable[..., None], *args: Any) -> None:
        """Spawns a process that runs `main(pipe, leash, *args)`."""
        own_end, childs_end = spawn.Pipe()
        self._pipe, child_end = PixelPipe(own_end), PixelPipe(childs_end)
        # Nobody ever writes to the leash: the child reads it to learn that this process is gone.
        leash_end, self._leash = spawn.Pipe(duplex=False)
        output, output_end = spawn.Pipe(duplex=False)
        self._ready: Ready[Info] | None = None
        self.process: SpawnProcess = spawn.Process(
            target=_begin,
            args=(output_end, main, child_end, leash_end, *args),
            name=f"likeness-{self.what.partition(' ')[0]}",
            daemon=True,
        )
        self.process.start()
        # At exit, multiprocessing waits for its children, and this one ignores SIGTERM.
        atexit.register(self.kill)
        for end in (child_end, leash_end, output_end):
            end.close()
        name = f"output-{self.process.pid}"
        threading.Thread(target=_pass_on, args=(output, self.what), name=name, daemon=True).start()

    @property
    def is_loaded(self) -> bool:
        """Whether it is alive and has reported that it is loaded. Any thread may ask."""
        try:
            # Waits on the sentinel: asking the process would take the exit code from the thread that waits for it.
            if wait([self.process.sentinel], timeout=0):
                return False
            # Its first message may still be unread.
            return self._ready is not None or self._pipe.poll()
        except OSError:
            return False  # It was killed meanwhile.

    @property
    def is_fit(self) -> bool:
        """Whether it can be used, now or once it is loaded."""
        return self.process.is_alive()

    def info(self) -> Info:
        """What the child reported about itself once it was loaded."""
        assert self._ready is not None, "asked before wait_ready"
        return self._ready.info

    def wait_ready(self, timeout: float, raise_if_unwanted: Callable[[], None]) -> None:
        """Waits until it is loaded. Raises the error that loading failed with, and what `receive` raises."""
        if self._ready is None:
            message = self.receive(timeout, raise_if_unwanted, self.slow_to_load)
            if isinstance(message, Failed):
                raise message.error
            assert isinstance(message, Ready)
            self._ready = message

    def send(self, message: Any, timeout: float) -> None:
        """Sends a message. Raises `died`."""
        try:
            with self._killed_after(timeout):
                self._pipe.send(message)
        except OSError:
            raise self._death() from None

    def receive(
        self, timeout: float, raise_if_unwanted: Callable[[], None], hung: type[LikenessError] | None = None
    ) -> Any:
        """Returns the child's next message. Raises `died`, or `hung` (by default the child's own error) after
        `timeout` seconds of silence."""
        deadline = time.monotonic() + timeout
        try:
            raise_if_unwanted()
            while not self._pipe.poll(TICK):
                raise_if_unwanted()
                if time.monotonic() > deadline:
                    raise (hung or self.hung)(
                        f"The {self.what} gave no sign of life for {timeout:g} s and was replaced."
                    )
            with self._killed_after(timeout):
                return self._pipe.recv()
        except (EOFError, OSError):
            raise self._death() from None

    def kill(self) -> None:
        atexit.unregister(self.kill)
        self.process.kill()
        self.process.join(timeout=10)
        for end in (self._pipe, self._leash):
            end.close()

    @contextmanager
    def _killed_after(self, timeout: float) -> Iterator[None]:
        """Kills the child after `timeout`: using a pipe takes no timeout, but ends when the other side does."""
        timer = threading.Timer(max(timeout, TICK), self.process.kill)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _death(self) -> LikenessError:
        self.process.join(timeout=5)
        return self.died(
            f"The {self.what} ended with exit code {self.process.exitcode}; it was replaced. "
            "A negative code is a signal: -9 often means that the machine ran out of memory.",
            exitCode=self.process.exitcode,
        )


def spawning() -> SpawnContext:
    """The context to spawn from. A forked child would inherit the locks of the parent's threads."""
    return multiprocessing.get_context("spawn")


class Answers(Protocol):
    """What a child has loaded, and answers requests with."""

    def info(self) -> Any:
        """What it tells its parent of itself."""

    def answer(self, request: Any, /) -> Any:
        """Answers a request."""

    def unforeseen(self, request: Any, error: Exception, /) -> LikenessError:
        """The error for an exception of `answer` that isn't of the tree."""


def answer_requests(pipe: PixelPipe, leash: Connection, load: Callable[[], Answers]) -> None:
    """A child's main loop: loads, then answers one request after another until the pipe closes."""
    live_with_parent(leash)
    try:
        loaded = load()
    except LikenessError as error:
        pipe.send(Failed(error, ends_process=True))
        return
    pipe.send(Ready(loaded.info()))
    while True:
        try:
            request = pipe.recv()
        except EOFError:
            return
        pipe.send(_answer(loaded, request))


def _answer(loaded: Answers, request: Any) -> Any:
    try:
        return loaded.answer(request)
    except LikenessError as error:
        error.__traceback__ = None
        return Failed(error)
    except Exception as error:  # noqa: BLE001 - whatever a picture does to the libraries, the next one is answered
        return Failed(loaded.unforeseen(request, error))


def live_with_parent(leash: Connection) -> None:
    """Makes the child end when the parent dies, however it dies, and only then. The child calls this first.

    The parent decides when this process ends, not a Ctrl-C or a SIGTERM sent to the whole group.
    """
    # For `ps` and `top`: the children's command lines are all alike.
    with suppress(OSError):
        Path("/proc/self/comm").write_text(multiprocessing.current_process().name)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, args=(leash,), daemon=True).start()


def _begin(output: Connection, main: Callable[..., None], *args: Any) -> None:
    """The child's main function. Whatever it prints goes to the parent, and so do the traces of its crashes."""
    for descriptor in (1, 2):
        os.dup2(output.fileno(), descriptor)
    output.close()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(line_buffering=True)
    faulthandler.enable()
    # NumPy's own threads spin while they wait, and other processes have work for the cores. It isn't loaded yet.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    main(*args)


def _pass_on(output: Connection, what: str) -> None:
    """Logs what a child prints, line by line. A command that logs nothing gets it as it is, on standard error."""
    with open(output.fileno(), errors="replace", closefd=False) as lines, output:
        # A progress bar has no line ends, and a library may print anything.
        while line := lines.readline(_MOST_LINE):
            if not structlog.is_configured():
                sys.stderr.write(line)
            elif line := line.rstrip():
                log.info("child.printed", process=what, line=line)


def _die_with_parent(leash: Connection) -> None:
    try:
        leash.recv_bytes()
    except (EOFError, OSError):
        # Flushing fails on a full disk.
        with suppress(OSError):
            sys.stderr.flush()
        os._exit(0)
