"""Remembers the measurements of pictures that come again: a persona's references come with each of its jobs."""

from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256

from PIL import Image

from pipelines.identity.portrait import Portrait

# A portrait takes some 20 kB.
_MOST = 256


class RememberedPortraits:
    """The portraits of the last 256 different pictures, by the hash of their pixels."""

    def __init__(self, measure: Callable[[Image.Image], Portrait]) -> None:
        self._measure = measure
        self._portraits: OrderedDict[bytes, Portrait] = OrderedDict()

    def of(self, image: Image.Image) -> Portrait:
        """The portrait of an RGB image. It is measured only if it isn't remembered."""
        key = sha256(b"%d %d " % image.size + image.tobytes()).digest()
        portrait = self._portraits.pop(key, None) or self._measure(image)
        self._portraits[key] = portrait
        if len(self._portraits) > _MOST:
            self._portraits.popitem(last=False)
        return portrait
