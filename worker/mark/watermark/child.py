"""The watermark process: marks pictures from its pipe. It knows no queue, store or device."""

from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from models.errors import WatermarkFailed, WatermarkModelMissing
from models.watermark import WatermarkInfo, WatermarkOptions
from worker.base.children.pixel_pipe import PixelPipe
from worker.base.children.spawned import answer_requests
from worker.base.pictures import scaled_down
from worker.base.raw_image import RawImage
from worker.mark.watermark.messages import MarkedPicture, MarkPicture

if TYPE_CHECKING:
    from pipelines.watermark.protocol import Watermark


def main(pipe: PixelPipe, leash: Connection, options: WatermarkOptions) -> None:
    """Loads the watermark, then answers one request after another until the pipe closes."""
    answer_requests(pipe, leash, lambda: _Marker(_load(options)))


@dataclass(frozen=True, slots=True)
class _Marker:
    watermark: "Watermark"

    def info(self) -> WatermarkInfo:
        return WatermarkInfo(algorithm=self.watermark.algorithm, bits=self.watermark.bits)

    def answer(self, request: MarkPicture) -> MarkedPicture:
        """The thumbnail gets a watermark of its own: little is left of one that is scaled down so far."""
        thumbnail = RawImage.of(scaled_down(request.image.to_image(), request.thumbnail_side))
        return MarkedPicture(
            self._marked(request.image, request.number), self._marked(thumbnail, request.number)
        )

    def unforeseen(self, _: MarkPicture, error: Exception) -> WatermarkFailed:
        return WatermarkFailed(f"The watermark raised {type(error).__name__}: {str(error)[:500]}")

    def _marked(self, image: RawImage, number: int) -> RawImage:
        import numpy as np

        pixels = np.frombuffer(image.data, np.uint8).reshape(image.height, image.width, 3)
        marked = self.watermark.embed(pixels, number)
        return RawImage(image.width, image.height, marked.tobytes())


def _load(options: WatermarkOptions) -> "Watermark":
    try:
        from pipelines.watermark.loading import load_watermark

        return load_watermark(options)
    except ImportError as error:
        raise WatermarkModelMissing(
            f"What the watermark needs can't be imported ({error}). Install it: pip install '.[watermark]'. "
            "LIKENESS_WATERMARK=off does without."
        ) from None
