"""Watermarks a worker's images, each with a number of its own."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from models.base import AssetId
from models.watermark import HiddenNumber, WatermarkInfo
from worker.base.raw_image import RawImage
from worker.base.settings import Settings
from worker.mark.watermark.options import watermark_choice
from worker.mark.watermark.process import WatermarkProcess
from worker.run.marking.key import WatermarkKey

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Marked:
    """An image and its thumbnail with a number in their pixels."""

    image: RawImage
    thumbnail: RawImage
    hidden: HiddenNumber


class Marker:
    """Watermarks images in a process of its own. Threads may share it.

    A number follows from the image's asset id, and so from job id and shot, with a secret key: whichever attempt
    marks the image, it gets the same number, and nobody else can tell which job a number belongs to.
    """

    def __init__(self, settings: Settings, raise_if_overdue: Callable[[], None] = lambda: None) -> None:
        """`raise_if_overdue` is called while a request waits; what it raises ends the request."""
        self._choice = watermark_choice(settings)
        self._thumbnail_side = settings.thumbnail_size
        self._process = WatermarkProcess(settings)
        self._key = WatermarkKey(settings)
        self._raise_if_overdue = raise_if_overdue
        self._info: WatermarkInfo | None = None

    def start(self) -> None:
        """Loads the watermark, unless it is off. Raises WatermarkModelMissing if it can't be loaded."""
        if self._choice.mode == "off":
            log.warning("watermark.off", why=self._choice.why)
            return
        self._info = self._process.start()
        log.info("watermark.ready", algorithm=self._info.algorithm, bits=self._info.bits)

    @property
    def is_on(self) -> bool:
        return self._info is not None

    @property
    def is_ready(self) -> bool:
        """Whether an image can be marked at once, or no image needs it."""
        return self._process.is_ready

    @property
    def pid(self) -> int | None:
        """The process's id; None without one."""
        return self._process.pid

    def mark(self, asset_id: AssetId, image: RawImage) -> Marked | None:
        """Marks an image and a thumbnail of it; None if the watermark is off.

        Raises what `WatermarkProcess.mark` does, and QueueUnavailable.
        """
        if self._info is None:
            return None
        number = self._number_of(asset_id, self._info.bits)
        made = self._process.mark(image, number, self._thumbnail_side, self._raise_if_overdue)
        return Marked(made.image, made.thumbnail, HiddenNumber.of(self._info, number))

    def revive(self) -> None:
        """Replaces the process if it died while nobody used it."""
        self._process.revive()

    def stop(self) -> None:
        self._process.stop()

    def _number_of(self, asset_id: AssetId, bits: int) -> int:
        digest = hmac.digest(self._key.read(), asset_id.encode(), "sha256")
        return int.from_bytes(digest) >> (256 - bits)
