"""The place of weights on this machine."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from models.errors import InvalidInput, WeightsRefused
from pipelines.profile import Source
from pipelines.weights.lock import Lock, LockedFile

_SHIPPED = Path(__file__).parents[1] / "embedded" / "weights"


class WeightStore:
    """A folder with one folder and one lock file for each repository:

        root/owner--name/             the files, and nothing else
        root/owner--name.lock.json    what they are
        root/owner--name.part/        a fetch that isn't done; what is verified never changes while it runs

    Profiles share a repository. It is held at one commit, and its lock names what all of them fetched.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, source: Source) -> Path:
        return self._beside(source, "")

    def part(self, source: Source) -> Path:
        """The folder that a fetch downloads to."""
        return self._beside(source, ".part")

    def lock_path(self, source: Source) -> Path:
        return self._beside(source, ".lock.json")

    def lock(self, source: Source) -> Lock | None:
        """The repository's lock, or None if nothing was ever fetched. Raises WeightsRefused for a broken one."""
        path = self.lock_path(source)
        try:
            lock = Lock.parse(path.read_bytes())
        except FileNotFoundError:
            return None
        except InvalidInput as error:
            reason = error.message
        except OSError as error:
            reason = f"It can't be read: {error.strerror}."
        else:
            if lock.repository == source.repository:
                return lock
            reason = f"It is that of {lock.repository}."
        raise WeightsRefused(
            f"The lock file {path} can't be trusted. {reason} Restore it, or delete it and fetch again.",
            repository=source.repository,
        )

    def files(self) -> Iterator[tuple[str, LockedFile]]:
        """Files of all repositories that are there with the size in their lock, by their paths below the root."""
        for path in sorted(self.root.glob("*.lock.json")):
            with suppress(OSError, InvalidInput):
                for name, file in Lock.parse(path.read_bytes()).files.items():
                    place = f"{path.name.removesuffix('.lock.json')}/{name}"
                    if _size(self.root / place) == file.bytes:
                        yield place, file

    def is_fetched(self, source: Source) -> bool:
        """Whether all the source's files are there, by name and size alone: a quick look, not a check."""
        try:
            lock = self.lock(source)
        except WeightsRefused:
            return False
        if lock is None or not lock.covers(source.files) or source.revision not in {None, lock.revision}:
            return False
        sizes = {path: _size(self.folder(source) / path) for path in lock.files}
        return all(sizes[path] == file.bytes for path, file in lock.files.items())

    def _beside(self, source: Source, ending: str) -> Path:
        return self.root / f"{source.repository.replace('/', '--')}{ending}"


def store_of(source: Source, root: Path) -> WeightStore:
    """The store of the source's weights: in the folder `root`, or in the package itself."""
    return WeightStore(_SHIPPED if source.shipped else root)


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
