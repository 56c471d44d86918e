"""Decoding beside the denoiser: a thread turns latents into pictures while the next batch is on the device."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import torch
from PIL import Image
from torch import Tensor

from models.errors import RenderError, RenderOutOfMemory
from pipelines.device import Device
from pipelines.diffusion.recovery import attempt
from pipelines.protocol import PlannedShot, RenderedImage, Sink


class Decoder:
    """One for each job. `decode` takes latents of one image, (1, …), to RGB in [-1, 1], (1, 3, H, W)."""

    def __init__(
        self, device: Device, decode: Callable[[Tensor], Tensor], tile: Callable[[], None], sink: Sink
    ) -> None:
        self._device = device
        self._decode = decode
        self._tile = tile
        self._sink = sink
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="decode")
        self._pending: list[Future[None]] = []

    def submit(self, latents: Tensor, batch: Sequence[PlannedShot]) -> None:
        """Decode the batch's latents, one image after another, and give the images to the sink."""
        for row, planned in enumerate(batch):
            self._pending.append(self._thread.submit(self._finish, latents[row : row + 1], planned))

    def raise_failed(self) -> None:
        """If an image failed, the device needn't go on with the others."""
        for pending in self._pending:
            if pending.done():
                pending.result()

    def wait(self) -> None:
        """Until all that was submitted is with the sink. Raises what failed."""
        for pending in self._pending:
            pending.result()

    def close(self) -> None:
        """Drop what hasn't begun, and wait for what has."""
        self._thread.shutdown(cancel_futures=True)

    @torch.inference_mode()
    def _finish(self, latents: Tensor, planned: PlannedShot) -> None:
        levels = attempt(self._device, lambda: self._levels(latents))
        if levels is None:
            self._tile()
            levels = attempt(self._device, lambda: self._levels(latents))
        if levels is None:
            raise RenderOutOfMemory(
                "The device ran out of memory while it decoded one image in tiles. The render process is replaced. "
                "If it happens again, lower LIKENESS_IMAGE_SIZE or free the device of other processes."
            )
        image = Image.fromarray(levels.permute(1, 2, 0).contiguous().numpy())
        self._sink.image(RenderedImage(planned.shot.name, planned.seed, image))

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
