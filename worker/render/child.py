"""The render process: renders the orders from its pipe with a pipeline. It knows no queue and no store."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from ctypes import c_ulonglong
from itertools import zip_longest
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from models.errors import (
    DeviceLost,
    InvalidInput,
    LikenessError,
    ProfileLoadFailed,
    RenderError,
    RenderOutOfMemory,
)
from models.render import RenderOptions
from worker.base.children.pixel_pipe import PixelPipe
from worker.base.children.spawned import Failed, Ready, live_with_parent
from worker.base.raw_image import RawImage
from worker.render.messages import (
    Finished,
    FromChild,
    ImageDone,
    PreviewMade,
    ReferenceNoted,
    RenderOrder,
    StepDone,
)

if TYPE_CHECKING:
    from pipelines.protocol import ReferenceNote, ReferencePipeline, RenderedImage, Step

_MOST_MESSAGE = 200  # characters of a note, which appears in records and errors
_PREVIEWS_APART = 0.5  # seconds between two previews of a shot


def main(pipe: PixelPipe, leash: Connection, called_off: Any, memory: Any, options: RenderOptions) -> None:
    """Loads the profile, then serves orders until the pipe closes or the device can't be used any more.

    Two arguments are shared memory. `called_off`: the number of the latest order that must stop. `memory`: total,
    used and peak bytes of the device, which are written here after each order.
    """
    live_with_parent(leash)
    try:
        pipeline = _load(options)
    except LikenessError as error:
        pipe.send(Failed(error, ends_process=True))
        return
    _note_memory(pipeline, memory)
    pipe.send(Ready(pipeline.info()))
    number = 0
    while True:
        try:
            order: RenderOrder = pipe.recv()
        except EOFError:
            return
        number += 1
        stop = _stopper(called_off, number)
        last = _serve(
            pipeline, order, _Teller(pipe, len(order.references), stop, _Previews(options.previews))
        )
        _note_memory(pipeline, memory)
        pipe.send(last)
        if isinstance(last, Failed) and last.ends_process:
            return


class _Previews:
    """Makes one order's previews: of each shot the first step's, then at most two a second."""

    def __init__(self, wanted: bool) -> None:
        self._wanted = wanted
        self._next: dict[str, float] = {}

    def after(self, step: "Step") -> PreviewMade | None:
        """Makes a preview, if it is time for one. None also if that fails: it never ends a render."""
        now = time.monotonic()
        if step.preview is None or not self._wanted or now < self._next.get(step.shot, 0):
            return None
        self._next[step.shot] = now + _PREVIEWS_APART
        try:
            preview = step.preview()
        except Exception:  # noqa: BLE001 - whatever a profile raises; a device that is lost says so at the next step
            self._wanted = False
            return None
        return PreviewMade(RawImage.of(preview.image), preview.source_type) if preview else None


class _Teller:
    """The pipeline's sink: sends everything over the pipe. Images may come from another thread than steps."""

    def __init__(
        self,
        pipe: PixelPipe,
        references: int,
        stop_if_called_off: Callable[[], None],
        previews: _Previews | None = None,
    ) -> None:
        self._pipe = pipe
        self._references = references
        self._previews = previews or _Previews(wanted=False)
        self._lock = threading.Lock()
        self.stop_if_called_off = stop_if_called_off

    def step(self, step: "Step") -> None:
        self._send(StepDone(step.shot, step.step, step.steps, self._previews.after(step)))
        self.stop_if_called_off()

    def image(self, image: "RenderedImage") -> None:
        self._send(ImageDone(image.shot, image.seed, RawImage.of(image.image), image.source_type))
        self.stop_if_called_off()

    def reference(self, note: "ReferenceNote") -> None:
        if not 0 <= note.index < self._references:
            raise IndexError(f"a note about reference {note.index} of {self._references}, counted from 0")
        self._send(ReferenceNoted(note.index, note.code, note.message[:_MOST_MESSAGE]))
        self.stop_if_called_off()

    def _send(self, message: FromChild) -> None:
        with self._lock:
            self._pipe.send(message)


def _serve(pipeline: "ReferencePipeline", order: RenderOrder, teller: _Teller) -> Finished | Failed:
    from pipelines.protocol import PlannedShot, RenderCanceled

    references = [
        pipeline.framed(reference.to_image(), face)
        for reference, face in zip_longest(order.references, order.faces)
    ]
    shots = [PlannedShot(shot, seed) for shot, seed in order.shots]
    try:
        teller.stop_if_called_off()
        pipeline.render(references, order.appearance, shots, teller, order.person_seed)
    # A traceback keeps the device's tensors for as long as its error lives, which may refer to itself.
    except RenderCanceled as canceled:
        canceled.__traceback__ = None
        return Finished()
    except LikenessError as error:
        error.__traceback__ = None
        # After these two, this process can't be used any more.
        return Failed(error, ends_process=isinstance(error, RenderOutOfMemory | DeviceLost))
    except Exception as error:  # noqa: BLE001 - whatever a pipeline raises fails the order, not the process
        error.__traceback__ = None
        return Failed(RenderError(f"The pipeline raised {type(error).__name__}: {str(error)[:500]}"))
    return Finished()


def _note_memory(pipeline: "ReferencePipeline", shared: Any) -> None:
    """Writes the device's memory down. A lost device can't be asked, and no order may fail because of that."""
    with suppress(Exception):
        shared[:] = pipeline.memory() or (0, 0, 0)


def _load(options: RenderOptions) -> "ReferencePipeline":
    try:
        from pipelines.loading import load_pipeline
    except ImportError as error:
        raise ProfileLoadFailed(
            f"The render libraries can't be imported ({error}). Install them: pip install '.[render]'"
        ) from None
    try:
        return load_pipeline(options)
    except InvalidInput as error:
        raise ProfileLoadFailed(error.message, **error.details) from None


def _stopper(called_off: "c_ulonglong", number: int) -> Callable[[], None]:
    def stop_if_called_off() -> None:
        if called_off.value >= number:
            from pipelines.protocol import RenderCanceled

            raise RenderCanceled

    return stop_if_called_off
