"""Writes a demo's results: everything that its job stored and reported, with links that work in the folder."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from models.errors import NotFound, UnusableReference
from models.event import JobEvent
from models.job import CloneJob
from models.likeness import Judgement, MissedImage
from models.manifest import UsedReference
from models.record import JobRecord, RejectedReference, StoredImage
from models.source_type import SourceType
from worker.base.pictures import encode
from worker.base.settings import Settings
from worker.cli.demo.contact_sheet import contact_sheet
from worker.cli.demo.page import page_of
from worker.cli.demo.personas import Persona
from worker.mark.signer import ImageSigner
from worker.mark.statement import Ingredient, sheet_statement
from worker.references.decode import decode_reference
from worker.references.limits import DecodeLimits
from worker.storage import Storage

SHEET = "contact-sheet.png"
_MOST_BYTES = 64 * 1024 * 1024


def copy_image(folder: Path, storage: Storage, image: StoredImage) -> None:
    """Copies an image as soon as it is stored: if its job fails, it is removed from the store."""
    with suppress(NotFound):
        _file(folder, _image(image.shot)).write_bytes(storage.get(image.key, max_bytes=_MOST_BYTES))


@dataclass(frozen=True, slots=True)
class Results:
    """What a finished job left, and the folder that gets it."""

    folder: Path
    job: CloneJob
    persona: Persona
    record: JobRecord
    events: Sequence[JobEvent]

    def write(self, settings: Settings, storage: Storage) -> None:
        """Copies the job's objects, and writes its documents, a contact sheet and a page. Raises StorageError."""
        files = self._copy(storage)
        self._write_documents(files)
        for reference in self.persona.references:
            _file(self.folder, f"references/{reference.name}").write_bytes(reference.data)
        sheet, images = self._sheet(settings), self._images()
        (self.folder / SHEET).write_bytes(_marked(sheet, self.record.job_id, images, settings))
        (self.folder / "index.html").write_text(page_of(self.folder, self.persona.row.name, self.record))

    def _copy(self, storage: Storage) -> dict[str, str]:
        """Copies what the job stored: images, thumbnails, evidence, manifest. Returns the files by their keys."""
        prefix = storage.keys.job_prefix(self.job)
        files = {}
        for stored in storage.list(prefix):
            name = stored.key.removeprefix(f"{prefix}/")
            file = f"images/{name}" if name.endswith(".png") and "/" not in name else name
            _file(self.folder, file).write_bytes(storage.get(stored.key, max_bytes=_MOST_BYTES))
            files[stored.key] = file
        return files

    def _write_documents(self, files: Mapping[str, str]) -> None:
        links = _links(self.record, files)
        record = _relinked(self.record.to_data(), links)
        _write_json(self.folder / "job.json", record)
        if self.record.result:
            _write_json(self.folder / "influencer.json", record["result"]["influencer"])
        lines = (json.dumps(_relinked(event.to_data(), links)) + "\n" for event in self.events)
        (self.folder / "events.jsonl").write_text("".join(lines))

    def _sheet(self, settings: Settings) -> Image.Image:
        limits = DecodeLimits.from_settings(settings)
        references = []
        for reference in self.persona.references:
            try:
                references.append(decode_reference(reference.data, limits))
            except UnusableReference:
                references.append(Image.new("RGB", (256, 256), "lightgrey"))
        images = self._images()
        notes = {image.shot: note(image.judgement) for image in images if image.judgement}
        shown = [(image.shot, self._picture(_image(image.shot))) for image in images]
        for missed in self._missed():
            notes[f"{missed.shot} (missed)"] = note(missed.judgement)
            picture = self._picture(f"evidence/{missed.shot}.png")
            shown.append((f"{missed.shot} (missed)", picture))
        notes |= {str(one.index + 1): _left_out(one) for one in self.record.rejected_references}
        return contact_sheet(self.persona.row.name, references, shown, notes)

    def _images(self) -> list[StoredImage]:
        """The images that are in the folder: the result's, or what a job that failed had stored before."""
        images = {event.image.shot: event.image for event in self.events if event.image}
        images |= {image.shot: image for image in (self.record.result.images if self.record.result else ())}
        return [image for image in images.values() if (self.folder / _image(image.shot)).exists()]

    def _missed(self) -> list[MissedImage]:
        """The latest try of each shot whose evidence was kept."""
        latest = {event.missed.shot: event.missed for event in self.events if event.missed}
        return [one for one in latest.values() if (self.folder / f"evidence/{one.shot}.png").exists()]

    def _picture(self, name: str) -> Image.Image:
        with Image.open(self.folder / name) as picture:
            return picture.convert("RGB")


def note(judgement: Judgement) -> str:
    """A judgement in a few words."""
    scores, verdict = judgement.scores, judgement.verdict
    words = ", ".join(verdict.reasons) or ("turned, not judged" if verdict.not_judged else "pass")
    if scores.centroid is None or verdict.floor is None:
        return words
    return f"{scores.centroid:.2f} (floor {verdict.floor:.2f}): {words}"


def _left_out(rejected: RejectedReference) -> str:
    return "left out: " + rejected.code.removeprefix("REFERENCE_").lower().replace("_", " ")


def _image(shot: str) -> str:
    return f"images/{shot}.png"


def _file(folder: Path, name: str) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    return file


def _marked(sheet: Image.Image, job_id: str, images: Sequence[StoredImage], settings: Settings) -> bytes:
    """The sheet as a PNG that says, in XMP and signed, that AI-made images are parts of it."""
    png = encode(sheet, 256, SourceType.COMPOSITE).png
    signer = ImageSigner.from_settings(settings)
    if signer is None:
        return png
    parts = [
        Ingredient(index, UsedReference(asset_id=image.asset_id, sha256=image.sha256))
        for index, image in enumerate(images)
    ]
    return signer.sign(png, "image/png", sheet_statement(f"Contact sheet of {job_id}", parts))


def _links(record: JobRecord, files: Mapping[str, str]) -> dict[str, str]:
    """The record's URLs, which end with the demo's store, and the files that replace them."""
    if record.result is None:
        return {}
    links = {record.result.manifest_url: files.get(record.result.manifest_key, "")}
    for image in record.result.images:
        links[image.url] = files.get(image.key, "")
        links[image.thumbnail_url] = files.get(image.thumbnail_key, "")
    return {url: file for url, file in links.items() if file}


def _relinked(data: Any, links: Mapping[str, str]) -> Any:
    if isinstance(data, dict):
        return {name: _relinked(value, links) for name, value in data.items()}
    if isinstance(data, list):
        return [_relinked(value, links) for value in data]
    return links.get(data, data) if isinstance(data, str) else data


def _write_json(file: Path, document: Any) -> None:
    file.write_text(json.dumps(document, indent=2) + "\n")
