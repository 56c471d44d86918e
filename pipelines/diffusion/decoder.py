"""Decoding beside the denoiser: a thread turns latents into pictures while the next batch is on the device."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import torch
from PIL import Image
from torch import Tensor

from models.errors import RenderError
from models.source_type import SourceType
from pipelines.device import Device
from pipelines.diffusion.recovery import attempt, no_room
from pipelines.protocol import PlannedShot, RenderedImage, Sink


class Decoder:
    """Decodes one job's images. `decode` turns latents of one image, (1, …), into RGB in [-1, 1], (1, 3, H, W)."""

    def __init__(self, device: Device, decode: Callable[[Tensor], Tensor], sink: Sink) -> None:
        self._device = device
        self._decode = decode
        self._sink = sink
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="decode")
        self._pending: list[Future[None]] = []
        self._left: list[tuple[Tensor, PlannedShot, SourceType]] = []

    def submit(
        self, latents: Tensor, batch: Sequence[PlannedShot], source_types: Sequence[SourceType]
    ) -> None:
        """Decodes the batch's latents, one image after another, and gives the images to the sink."""
        for row, (planned, source_type) in enumerate(zip(batch, source_types, strict=True)):
            image = latents[row : row + 1]
            self._pending.append(self._thread.submit(self._beside, image, planned, source_type))

    def raise_failed(self) -> None:
        """Raises the error of a failed image, so that the device doesn't go on with the others."""
        for pending in self._pending:
            if pending.done():
                pending.result()

    def wait(self) -> bool:
        """Waits until the thread is idle. Returns whether it was busy. Raises the error of a failed image."""
        was_busy = not all(pending.done() for pending in self._pending)
        for pending in self._pending:
            pending.result()
        return was_busy

    def settle(self, tile: Callable[[], None]) -> bool:
        """Decodes images that found no room beside the denoiser, while that is idle. Returns whether there were
        any.

        Calls `tile` if there is no room for an image even so. Raises RenderOutOfMemory if tiles don't help.
        """
        if not self._left:
            return False
        self.wait()
        left, self._left = self._left, []
        for one in left:
            if not self._finish(*one):
                tile()
                if not self._finish(*one):
                    raise no_room()
        return True

    def close(self) -> None:
        """Drops work that hasn't begun, and waits for work that has."""
        self._thread.shutdown(cancel_futures=True)

    def _beside(self, latents: Tensor, planned: PlannedShot, source_type: SourceType) -> None:
        if not self._finish(latents, planned, source_type):
            self._left.append((latents, planned, source_type))

    @torch.inference_mode()
    def _finish(self, latents: Tensor, planned: PlannedShot, source_type: SourceType) -> bool:
        """Decodes one image for the sink. Returns whether there was room to."""
        levels = attempt(self._device, partial(self._levels, latents))
        if levels is None:
            return False
        image = Image.fromarray(levels.permute(1, 2, 0).contiguous().numpy())
        self._sink.image(RenderedImage(planned.shot.name, planned.seed, image, source_type))
        return True

    def _levels(self, latents: Tensor) -> Tensor:
        """The picture as (3, H, W) bytes on the CPU."""
        with self._device.beside(), self._device.phase("decode"):
            x = self._decode(latents)[0].float()
            if not torch.isfinite(x).all():
                raise RenderError(
                    "The model made numbers that aren't finite, which would be a black image. Unset the speed "
                    "options (LIKENESS_QUANTIZE, LIKENESS_COMPILE, LIKENESS_ATTENTION) and try again."
                )
            return x.add(1).mul(127.5).round().clamp(0, 255).to("cpu", torch.uint8)
