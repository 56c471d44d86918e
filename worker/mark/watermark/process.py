"""The parent's handle on the watermark process."""

from collections.abc import Callable

from models.errors import WatermarkFailed, WatermarkModelMissing, WatermarkProcessDied, WatermarkProcessHung
from models.watermark import WatermarkInfo
from worker.base.children.child_process import AnsweringProcess
from worker.base.children.spawned import SpawnedChild, spawning
from worker.base.raw_image import RawImage
from worker.base.settings import Settings
from worker.mark.watermark.child import main as child_main
from worker.mark.watermark.messages import MarkedPicture, MarkPicture
from worker.mark.watermark.options import watermark_options_of


class WatermarkProcess(AnsweringProcess[WatermarkInfo]):
    """The watermark process.

    Requests call `raise_if_unwanted` many times a second; what that raises ends the request and the process. They
    raise WatermarkProcessDied or WatermarkProcessHung, WatermarkModelMissing if it can't be loaded, and
    WatermarkFailed.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings.load_timeout, settings.watermark_timeout)
        self._options = watermark_options_of(settings)
        self._spawning = spawning()

    def mark(
        self, image: RawImage, number: int, thumbnail_side: int, raise_if_unwanted: Callable[[], None]
    ) -> MarkedPicture:
        """Hides a number in a picture, and in a thumbnail of it with at most `thumbnail_side` pixels a side."""
        answer = self._ask(MarkPicture(image, number, thumbnail_side), raise_if_unwanted)
        assert isinstance(answer, MarkedPicture)
        return answer

    def _spawn(self) -> "_Child":
        return _Child(self._spawning, child_main, self._options)


class _Child(SpawnedChild[WatermarkInfo]):
    what = "watermark process"
    died = WatermarkProcessDied
    hung = WatermarkProcessHung
    slow_to_load = WatermarkProcessHung
    load_failures = (WatermarkFailed, WatermarkModelMissing)
