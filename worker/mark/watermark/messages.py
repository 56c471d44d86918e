"""Messages on the pipe between a worker and its watermark process: plain data, pickled."""

from dataclasses import dataclass

from worker.base.raw_image import RawImage


@dataclass(frozen=True, slots=True)
class MarkPicture:
    """To the child: hide a number in a picture, and in a thumbnail of it."""

    image: RawImage
    number: int
    thumbnail_side: int
    """Of its longer side, in pixels."""


@dataclass(frozen=True, slots=True)
class MarkedPicture:
    """From the child: the picture and its thumbnail, with the number in both."""

    image: RawImage
    thumbnail: RawImage
