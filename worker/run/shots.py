"""The state of a job's shots within one attempt: missing, taken, stored or missed."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from models.likeness import MissedImage
from models.record import StoredImage
from models.safety import RefusedImage, SafetyReading
from worker.base.raw_image import RawImage
from worker.mark.statement import Origin
from worker.render.messages import ImageDone
from worker.run.marking.marker import Marked


@dataclass(frozen=True, slots=True)
class Made:
    """An image with its origin, which a later order may know more, or less, about."""

    done: ImageDone
    origin: Origin
    marked: Marked | None = None
    """The image and its thumbnail with the watermark. None: it gets none."""
    safety: SafetyReading | None = None
    """The safety gate's. None: nobody looked."""

    @property
    def image(self) -> RawImage:
        """The pixels to judge and to store."""
        return self.marked.image if self.marked else self.done.image


@dataclass(frozen=True, slots=True)
class Miss:
    """An image that the gate didn't take."""

    told: MissedImage
    made: Made


class ShotSet:
    """A job's shots. A shot is taken once the gates passed one of its images, and stored a little later. Of its
    misses, the best is kept; of what was refused, no image is. Any thread may call any method: other threads judge
    and store images."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self._taken: set[str] = set()
        self._stored: dict[str, StoredImage] = {}
        self._misses: dict[str, Miss] = {}
        self._refused: dict[str, RefusedImage] = {}
        self._kept: dict[str, RawImage | None] = {}

    def keep_pixels_of(self, shot: str) -> None:
        """Makes the set keep the pixels of the image that is taken for this shot."""
        self._kept[shot] = None

    def pixels_of(self, shot: str) -> RawImage | None:
        return self._kept[shot]

    def take(self, shot: str, pixels: Callable[[], RawImage]) -> None:
        """Marks a shot as taken. `pixels` is called only if its pixels are kept."""
        if shot in self._kept:
            self._kept[shot] = pixels()
        self._taken.add(shot)

    def store(self, image: StoredImage) -> None:
        self._stored[image.shot] = image

    def miss(self, miss: Miss) -> None:
        """Keeps a miss if it is the shot's best one so far."""
        best = self._misses.get(miss.told.shot)
        if best is None or _rank(miss.told) > _rank(best.told):
            self._misses[miss.told.shot] = miss

    def refuse(self, refused: RefusedImage) -> None:
        """Notes what the safety gate refused."""
        self._refused[refused.shot] = refused

    def refused(self, among: Sequence[str]) -> tuple[RefusedImage, ...]:
        """The last refusal of each of these shots of which no try may be kept as evidence."""
        return tuple(
            self._refused[shot] for shot in among if shot in self._refused and shot not in self._misses
        )

    @property
    def taken(self) -> list[str]:
        return [shot for shot in self.names if shot in self._taken]

    def missing(self, among: Sequence[str] | None = None) -> list[str]:
        """The shots, of the job or `among` some, that aren't taken."""
        return [shot for shot in (self.names if among is None else among) if shot not in self._taken]

    def stored(self, shot: str) -> StoredImage | None:
        return self._stored.get(shot)

    def images(self, without: Collection[str]) -> tuple[StoredImage, ...]:
        """All shots' images but those of `without`, in the job's order. Raises KeyError if one isn't stored."""
        return tuple(self._stored[shot] for shot in self.names if shot not in without)

    def best_miss(self, shot: str) -> Miss:
        return self._misses[shot]


def _rank(missed: MissedImage) -> tuple[int, float]:
    """The rank of a miss, the higher the better: fewer faults first, then the likeness to the references."""
    likeness = missed.judgement.scores.centroid
    return -len(missed.judgement.verdict.reasons), -1e9 if likeness is None else likeness
