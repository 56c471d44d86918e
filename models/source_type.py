"""IPTC's terms for what a picture is made of. Every image that leaves is marked with one."""

from collections.abc import Iterable
from enum import StrEnum


class SourceType(StrEnum):
    """IPTC's digital source type of an image."""

    GENERATED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
    """A trained model made all of it."""
    COMPOSITE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
    """Pixels of references were carried into it, and a trained model finished it."""
    ALGORITHMIC = "http://cv.iptc.org/newscodes/digitalsourcetype/algorithmicMedia"
    """A program drew it, without a trained model: a placeholder of the profile `fake`."""

    @classmethod
    def of_set(cls, images: Iterable["SourceType"]) -> "SourceType":
        """The term for a set: a composite if any of its images is one, and placeholders if all of them are."""
        found = set(images)
        if cls.COMPOSITE in found:
            return cls.COMPOSITE
        return cls.ALGORITHMIC if found == {cls.ALGORITHMIC} else cls.GENERATED
