"""Inside the render process. It knows the pipe and the pipeline, and nothing of queues and stores."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from ctypes import c_ulonglong
from multiprocessing.connection import Connection
from typing import Any

from models.errors import InvalidInput, LikenessError, ProfileLoadFailed, RenderError
from worker.render.messages import (
    Failed,
    Finished,
    FromChild,
    ImageDone,
    RawImage,
    Ready,
    RenderOrder,
    StepDone,
)


def main(pipe: Connection, leash: Connection, called_off: Any, profile: str, device: str) -> None:
    """Load the profile, then serve orders until the pipe closes.

    `called_off` is shared memory: the number of the latest order that shall stop. `leash` closes when the
    parent dies, however it dies.
    """
    # The parent decides when this process ends, not a Ctrl-C or a SIGTERM sent to the whole group.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, args=(leash,), daemon=True).start()
    try:
        pipeline = _load(profile, device)
    except LikenessError as error:
        pipe.send(Failed(error))
        return
    pipe.send(Ready(pipeline.info()))
    number = 0
    while True:
        try:
            order: RenderOrder = pipe.recv()
        except EOFError:
            return
        number += 1
        pipe.send(_serve(pipeline, order, pipe.send, _stopper(called_off, number)))


def _serve(
    pipeline: Any,
    order: RenderOrder,
    send: Callable[[FromChild], None],
    stop_if_called_off: Callable[[], None],
) -> FromChild:
    from pipelines.protocol import PlannedShot, RenderCanceled, Step

    def on_step(step: Step) -> None:
        send(StepDone(step.shot, step.step, step.steps))
        stop_if_called_off()

    references = [reference.to_image() for reference in order.references]
    shots = [PlannedShot(shot, seed) for shot, seed in order.shots]
    try:
        stop_if_called_off()
        for done in pipeline.render(references, order.appearance, shots, on_step):
            send(ImageDone(done.shot, done.seed, RawImage.of(done.image)))
            stop_if_called_off()
    except RenderCanceled:
        return Finished()
    except LikenessError as error:
        return Failed(error.with_traceback(None))
    except Exception as error:  # noqa: BLE001 - whatever a pipeline raises fails the order, not the process
        # A new error: the old one's traceback holds the device's tensors.
        return Failed(RenderError(f"The pipeline raised {type(error).__name__}: {str(error)[:500]}"))
    return Finished()


def _load(profile: str, device: str) -> Any:
    try:
        from pipelines.registry import load_pipeline, pick_device
    except ImportError as error:
        raise ProfileLoadFailed(
            f"The render libraries can't be imported ({error}). Install them: pip install '.[render]'"
        ) from None
    try:
        return load_pipeline(profile, pick_device(device))
    except InvalidInput as error:
        raise ProfileLoadFailed(error.message, **error.details) from None


def _stopper(called_off: "c_ulonglong", number: int) -> Callable[[], None]:
    def stop_if_called_off() -> None:
        if called_off.value >= number:
            from pipelines.protocol import RenderCanceled

            raise RenderCanceled

    return stop_if_called_off


def _die_with_parent(leash: Connection) -> None:
    try:
        leash.recv_bytes()
    except (EOFError, OSError):
        sys.stderr.flush()
        os._exit(0)
