"""The parent's handle on the render process: start, orders, watchdog, replacement."""

import atexit
import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import c_ulonglong
from multiprocessing.context import SpawnProcess

import structlog

from models.errors import RenderError, RenderProcessDied, RenderProcessHung
from models.manifest import RenderInfo
from worker.render.child import main as child_main
from worker.render.messages import Failed, Finished, FromChild, ImageDone, Ready, RenderOrder, StepDone
from worker.render.options import options_of
from worker.settings import Settings

log = structlog.get_logger()

# How often a waiting parent looks whether the job shall still go on, in seconds.
_TICK = 0.1


class RenderProcess:
    """One device's process. It is spawned at once, and again whenever it has died, hung or been killed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._spawn = multiprocessing.get_context("spawn")
        self._slot = threading.Lock()
        self._child: _Child | None = None

    def start(self) -> RenderInfo:
        """Spawn the process and wait until its profile is loaded. Raises a RenderError."""
        with self._slot:
            return self._ready_child(lambda: None).info()

    @property
    def pid(self) -> int | None:
        """The process's id while there is one."""
        child = self._child
        return child.process.pid if child else None

    def stop(self) -> None:
        """End the process. An order under way is lost."""
        if self._child:
            self._child.kill()
            self._child = None

    @contextmanager
    def turn(self, check: Callable[[], None]) -> Iterator[None]:
        """Wait for the device and have it alone. `check` is called while waiting; what it raises ends that."""
        while not self._slot.acquire(timeout=_TICK):
            check()
        try:
            yield
        finally:
            self._slot.release()

    def render(
        self, order: RenderOrder, check: Callable[[], None]
    ) -> Iterator[RenderInfo | StepDone | ImageDone]:
        """Yield first what renders, then steps and images as they come. Call it within `turn`.

        `check` is called many times a second; if it raises, the device is stopped at its next step and
        what was raised goes on up. Raises RenderProcessDied, RenderProcessHung, ProfileLoadFailed or what
        the pipeline failed with.
        """
        child = self._ready_child(check)
        try:
            child.send(order, self._settings.hang_timeout)
            yield child.info()
            while True:
                message = child.receive(self._settings.hang_timeout, check)
                if isinstance(message, StepDone | ImageDone):
                    yield message
                elif isinstance(message, Failed):
                    if child.is_spent:
                        self._replace(child)
                    raise message.error
                else:
                    return
        except (RenderProcessDied, RenderProcessHung):
            self._replace(child)
            raise
        except BaseException:
            # Also when the caller abandons the iteration. The next job must find the device idle.
            if child.busy and not child.call_off(self._settings.call_off_timeout):
                self._replace(child)
            raise

    def _ready_child(self, check: Callable[[], None]) -> "_Child":
        # A busy one would go on to send what an earlier order made.
        if self._child is None or self._child.is_spent or not self._child.process.is_alive():
            self.stop()
            self._child = _Child(self._spawn, self._settings)
        try:
            self._child.wait_ready(self._settings.load_timeout, check)
        except RenderError:
            self.stop()
            raise
        return self._child

    def _replace(self, child: "_Child") -> None:
        # The next child loads its profile now, not when the next job comes.
        log.warning("render_process.replaced", pid=child.process.pid, exitcode=child.process.exitcode)
        child.kill()
        self._child = _Child(self._spawn, self._settings)


class _Child:
    """One spawned process and its pipe. Used by whoever has the turn."""

    def __init__(self, spawn: multiprocessing.context.SpawnContext, settings: Settings) -> None:
        self._pipe, child_end = spawn.Pipe()
        # Nobody ever writes to the leash: the child reads it to learn that this process is gone.
        leash_end, self._leash = spawn.Pipe(duplex=False)
        self._called_off: c_ulonglong = spawn.RawValue(c_ulonglong, 0)
        self._orders = 0
        self._info: RenderInfo | None = None
        self._is_ending = False
        self.busy = False
        self.process: SpawnProcess = spawn.Process(
            target=child_main,
            args=(child_end, leash_end, self._called_off, options_of(settings)),
            name="likeness-render",
            daemon=True,
        )
        self.process.start()
        # At exit, multiprocessing waits for its children, and this one ignores SIGTERM.
        atexit.register(self.kill)
        for end in (child_end, leash_end):
            end.close()

    def info(self) -> RenderInfo:
        assert self._info is not None, "asked before wait_ready"
        return self._info

    @property
    def is_spent(self) -> bool:
        """Not fit for another order: it still works on the last one, or it said that it ends."""
        return self.busy or self._is_ending

    def wait_ready(self, timeout: float, check: Callable[[], None]) -> None:
        if self._info is None:
            message = self.receive(timeout, check)
            if isinstance(message, Failed):
                raise message.error
            assert isinstance(message, Ready)
            self._info = message.info

    def send(self, order: RenderOrder, timeout: float) -> None:
        self._orders += 1
        self.busy = True
        try:
            with self._killed_after(timeout):
                self._pipe.send(order)
        except OSError:
            raise self._died() from None

    def receive(self, timeout: float, check: Callable[[], None]) -> FromChild:
        """The child's next message. Raises RenderProcessHung after `timeout` seconds of silence."""
        deadline = time.monotonic() + timeout
        try:
            check()
            while not self._pipe.poll(_TICK):
                check()
                if time.monotonic() > deadline:
                    raise RenderProcessHung(
                        f"The render process gave no sign of life for {timeout:g} s and was replaced."
                    )
            with self._killed_after(timeout):
                message: FromChild = self._pipe.recv()
        except (EOFError, OSError):
            raise self._died() from None
        if isinstance(message, Finished | Failed):
            self.busy = False
            self._is_ending = isinstance(message, Failed) and message.ends_process
        return message

    def call_off(self, timeout: float) -> bool:
        """Stop the order at the device's next step. False if the child doesn't come to rest in time."""
        self._called_off.value = self._orders
        deadline = time.monotonic() + timeout
        try:
            while self.busy:
                self.receive(deadline - time.monotonic(), lambda: None)
        except (RenderProcessDied, RenderProcessHung):
            return False
        return not self._is_ending

    @contextmanager
    def _killed_after(self, timeout: float) -> Iterator[None]:
        """Reading and writing a pipe take no timeout, but they end when the other side does."""
        timer = threading.Timer(max(timeout, _TICK), self.process.kill)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def kill(self) -> None:
        atexit.unregister(self.kill)
        self.process.kill()
        self.process.join(timeout=10)
        for end in (self._pipe, self._leash):
            end.close()

    def _died(self) -> RenderProcessDied:
        self.process.join(timeout=5)
        return RenderProcessDied(
            f"The render process ended with exit code {self.process.exitcode}; it was replaced. "
            "A negative code is a signal: -9 often means that the machine ran out of memory.",
            exitCode=self.process.exitcode,
        )
