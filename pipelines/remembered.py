"""Keeps what was computed from pictures last: a persona's references come with each of its jobs."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from hashlib import sha256
from typing import Generic, TypeVar

from PIL import Image

T = TypeVar("T")


class Remembered(Generic[T]):
    """The last `most` results that were asked for, by key. One instance serves one thread."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._results: OrderedDict[Hashable, T] = OrderedDict()

    def get(self, key: Hashable, compute: Callable[[], T]) -> T:
        """The result for this key. It is computed only if it isn't remembered."""
        result = self._results.pop(key) if key in self._results else compute()
        self._results[key] = result
        if len(self._results) > self._most:
            self._results.popitem(last=False)
        return result


def pixels_hash(image: Image.Image) -> bytes:
    """SHA-256 of an RGB image's size and pixels."""
    return sha256(b"%d %d " % image.size + image.tobytes()).digest()
