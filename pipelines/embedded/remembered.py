"""Remembers the people who were read last. To read one takes longer than to render a few images, and a job's second
try at a shot shows the same person, as may the next job."""

from collections import OrderedDict
from collections.abc import Sequence
from hashlib import sha256

from PIL import Image

from models.influencer import Appearance
from pipelines.embedded.person import Person
from pipelines.embedded.pipeline import LikenessPipeline

MOST = 2
"""As many as jobs that a worker has in hand by default. A person takes 8 MB of memory for each reference."""


class RememberedPeople:
    """Reads people, and keeps the last `MOST`. They are known by the references' pixels alone, not by a job."""

    def __init__(self, pipe: LikenessPipeline) -> None:
        self._pipe = pipe
        self._people: OrderedDict[str, Person] = OrderedDict()

    def read(self, references: Sequence[Image.Image], appearance: Appearance, size: int) -> Person:
        """Returns what `LikenessPipeline.read` does."""
        key = _digest(references, appearance, size)
        person = self._people.pop(key, None) or self._pipe.read(references, appearance, size)
        self._people[key] = person
        if len(self._people) > MOST:
            self._people.popitem(last=False)
        return person


def _digest(references: Sequence[Image.Image], appearance: Appearance, size: int) -> str:
    digest = sha256(f"{size} {appearance.model_dump_json()}".encode())
    for reference in references:
        digest.update(f"{reference.size} {reference.mode}".encode())
        digest.update(sha256(reference.tobytes()).digest())
    return digest.hexdigest()
