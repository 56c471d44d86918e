"""Whom the demo clones: a sample persona, or the person in a folder of pictures."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from models.derived import asset_id_of
from models.errors import InvalidInput
from models.influencer import MOST_REFERENCES, Influencer, ReferenceImage
from models.job import ReferenceSource
from worker.stack.samples import load_sample
from worker.storage import Storage

_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp"}


@dataclass(frozen=True, slots=True)
class Reference:
    """A picture's file name, bytes and media type."""

    name: str
    data: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class Persona:
    """A row, and the pictures that define its looks."""

    row: Influencer
    references: tuple[Reference, ...]

    def put_references(self, storage: Storage) -> list[ReferenceSource]:
        """Puts the pictures into the media library, and returns how a job names them."""
        places = self._places(storage)
        for (_, key), reference in zip(places, self.references, strict=True):
            storage.put_image(key, reference.data, reference.media_type)
        return [ReferenceSource(asset_id=asset_id) for asset_id, _ in places]

    def linked_row(self, storage: Storage) -> Influencer:
        """The row as a platform has it, with its reference images and their URLs."""
        now = datetime.now(UTC)
        images = (
            ReferenceImage(asset_id=asset_id, url=storage.url(key), added_at=now)
            for asset_id, key in self._places(storage)
        )
        return self.row.model_copy(update={"reference_images": tuple(images)})

    def _places(self, storage: Storage) -> list[tuple[str, str]]:
        """The asset id and the key of each picture."""
        ids = [asset_id_of(self.row.influencer_id, str(number)) for number, _ in enumerate(self.references)]
        return [(one, storage.keys.media_key(self.row.project_id, one)) for one in ids]


def sample(name: str) -> Persona:
    """A sample persona. Raises InvalidInput for an unknown name."""
    row, files = load_sample(name)
    return Persona(
        row, tuple(Reference(f"{number}.webp", data, "image/webp") for number, data in enumerate(files, 1))
    )


def from_folder(folder: Path) -> Persona:
    """The person in a folder's pictures, in the order of their names. Whether each can be used, the job says.
    Raises InvalidInput if there is no picture, or too many."""
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in _TYPES and file.is_file())
    if not 1 <= len(files) <= MOST_REFERENCES:
        raise InvalidInput(
            f"{folder} has {len(files)} pictures (PNG, JPEG or WebP). Give 1 to {MOST_REFERENCES} of one person."
        )
    now = datetime.now(UTC)
    name = folder.resolve().name[:120] or "My persona"
    row = Influencer(
        influencer_id="inf_demo-own",
        project_id="demo",
        name=name,
        status="ready",
        created_at=now,
        updated_at=now,
    )
    return Persona(
        row, tuple(Reference(file.name, file.read_bytes(), _TYPES[file.suffix.lower()]) for file in files)
    )
