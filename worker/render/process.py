"""The parent's handle on the render process: start, orders, watchdog, replacement."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import c_ulonglong
from multiprocessing.context import SpawnContext

from models.errors import (
    DecodeHung,
    LikenessError,
    LoadHung,
    RenderError,
    RenderProcessDied,
    RenderProcessHung,
    StepHung,
)
from models.manifest import RenderInfo
from worker.base.children.child_process import ChildProcess
from worker.base.children.spawned import TICK, Failed, SpawnedChild, spawning
from worker.base.observers.memory import DeviceMemory
from worker.base.settings import Settings
from worker.render.child import main as child_main
from worker.render.messages import Finished, FromChild, ImageDone, ReferenceNoted, RenderOrder, StepDone
from worker.render.options import load_timeout, options_of


class RenderProcess(ChildProcess["_Child"]):
    """The render process of one device. `start` spawns it; it is replaced when it dies, hangs or is killed."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(load_timeout(settings))
        self._settings = settings
        self._spawning = spawning()
        # Seconds of earlier orders, and when the current one began. One value, since other threads read it.
        self._busy: tuple[float, float | None] = (0.0, None)

    def start(self) -> RenderInfo:
        """Spawns the process and waits until its profile is loaded. Raises a RenderError."""
        with self._turn:
            return self._ready_child(lambda: None).info()

    @property
    def is_ready(self) -> bool:
        """Whether its profile is loaded."""
        child = self._child
        return child is not None and child.is_loaded

    @property
    def busy_seconds(self) -> float:
        """For how many seconds the device has worked on orders so far."""
        before, since = self._busy
        return before if since is None else before + time.monotonic() - since

    def memory(self) -> DeviceMemory | None:
        """The device's memory after the last image or order."""
        child = self._child
        total, used, peak = child.device_memory if child else (0, 0, 0)
        return DeviceMemory(total, used, peak) if total else None

    @contextmanager
    def turn(self, raise_if_unwanted: Callable[[], None]) -> Iterator[None]:
        """Acquires exclusive use of the device. `raise_if_unwanted` is called while waiting; what it raises ends
        the wait."""
        while not self._turn.acquire(timeout=TICK):
            raise_if_unwanted()
        try:
            yield
        finally:
            self._turn.release()

    def render(
        self, order: RenderOrder, raise_if_unwanted: Callable[[], None]
    ) -> Iterator[RenderInfo | StepDone | ImageDone | ReferenceNoted]:
        """Renders an order. Yields a RenderInfo, then steps, images and notes as they come. Call it within `turn`.

        `raise_if_unwanted` is called many times a second; if it raises, the device is stopped at its next step and
        the error is raised here. Raises RenderProcessDied, RenderProcessHung, ProfileLoadFailed or the error that
        the pipeline failed with.
        """
        child = self._ready_child(raise_if_unwanted)
        self._busy = (self.busy_seconds, time.monotonic())
        try:
            child.send(order, self._settings.step_timeout)
            yield child.info()
            stepping = {shot.name for shot, _ in order.shots}
            while True:
                message = self._receive(child, raise_if_unwanted, is_stepping=bool(stepping))
                if isinstance(message, StepDone):
                    if message.step == message.steps:
                        stepping.discard(message.shot)
                    else:
                        # A shot may also start again: a batch that didn't fit into memory begins anew.
                        stepping.add(message.shot)
                    yield message
                elif isinstance(message, ImageDone | ReferenceNoted):
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
        finally:
            self._busy = (self.busy_seconds, None)

    def _receive(
        self, child: "_Child", raise_if_unwanted: Callable[[], None], *, is_stepping: bool
    ) -> FromChild:
        # Images are decoded during the next batch's steps, so only after the last step is it decoding that hangs.
        if is_stepping:
            return child.receive(self._settings.step_timeout, raise_if_unwanted, StepHung)
        return child.receive(self._settings.decode_timeout, raise_if_unwanted, DecodeHung)

    def _spawn(self) -> "_Child":
        return _Child(self._spawning, self._settings)


class _Child(SpawnedChild[RenderInfo]):
    """One render process, used by the thread that has the turn."""

    what = "render process"
    died = RenderProcessDied
    hung = RenderProcessHung
    slow_to_load = LoadHung
    load_failures = (RenderError,)

    def __init__(self, spawn: SpawnContext, settings: Settings) -> None:
        self._called_off: c_ulonglong = spawn.RawValue(c_ulonglong, 0)
        self.device_memory = spawn.RawArray(c_ulonglong, 3)
        self._orders = 0
        self._is_ending = False
        self.busy = False
        super().__init__(spawn, child_main, self._called_off, self.device_memory, options_of(settings))

    @property
    def is_spent(self) -> bool:
        """Whether it can't take another order: it still works on the last one, or reported that it ends."""
        return self.busy or self._is_ending

    @property
    def is_fit(self) -> bool:
        # A busy one would go on sending the results of an earlier order.
        return not self.is_spent and super().is_fit

    def send(self, message: RenderOrder, timeout: float) -> None:
        self._orders += 1
        self.busy = True
        super().send(message, timeout)

    def receive(
        self, timeout: float, raise_if_unwanted: Callable[[], None], hung: type[LikenessError] | None = None
    ) -> FromChild:
        message: FromChild = super().receive(timeout, raise_if_unwanted, hung)
        if isinstance(message, Finished | Failed):
            self.busy = False
            self._is_ending = isinstance(message, Failed) and message.ends_process
        return message

    def call_off(self, timeout: float) -> bool:
        """Stops the order at the device's next step. False if the child doesn't become idle in time."""
        self._called_off.value = self._orders
        deadline = time.monotonic() + timeout
        try:
            while self.busy:
                self.receive(deadline - time.monotonic(), lambda: None)
        except (RenderProcessDied, RenderProcessHung):
            return False
        return not self._is_ending
