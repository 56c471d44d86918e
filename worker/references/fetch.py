"""Fetches and decodes a job's references. Those that can't be used are reported, each with its reason."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, wait
from dataclasses import dataclass, replace
from hashlib import sha256
from threading import Semaphore
from typing import Protocol

from models.base import AssetId, ProjectId
from models.errors import (
    FetchHung,
    NotFound,
    NoUsableReference,
    ObjectTooLarge,
    ReferenceDecodeHung,
    ReferenceFetchFailed,
    ReferenceNotFound,
    ReferenceTooLarge,
    StorageHung,
    UnusableReference,
)
from models.job import ReferenceSource
from models.likeness import FaceBox
from models.manifest import UsedReference
from models.record import RejectedReference
from worker.base.raw_image import RawImage
from worker.base.settings import Settings
from worker.base.watchdog import Watchdog
from worker.mark.anchors import trust_anchors
from worker.mark.bounds import bounded
from worker.mark.kept import with_mark
from worker.mark.statement import Ingredient
from worker.references.decode import decode_reference
from worker.references.download import download
from worker.references.limits import DecodeLimits
from worker.references.marks import require_mark
from worker.storage import Storage


@dataclass(frozen=True, slots=True)
class FetchedReference:
    """A reference that can be used: its pixels, and what signatures say about it."""

    image: RawImage
    ingredient: Ingredient
    face: FaceBox | None = None
    """Where its largest face is, once the gate looked."""

    @property
    def index(self) -> int:
        """Its place among the job's references."""
        return self.ingredient.index

    @property
    def reference(self) -> UsedReference:
        return self.ingredient.reference


@dataclass(frozen=True, slots=True)
class FetchedReferences:
    """The references that can be used, in the job's order, and those that can't."""

    used: tuple[FetchedReference, ...] = ()
    rejected: tuple[RejectedReference, ...] = ()

    @property
    def images(self) -> tuple[RawImage, ...]:
        return tuple(one.image for one in self.used)

    @property
    def ingredients(self) -> tuple[Ingredient, ...]:
        return tuple(one.ingredient for one in self.used)

    def with_faces(self, faces: Sequence[FaceBox | None]) -> "FetchedReferences":
        """The same, with the boxes of their faces, one for each that can be used."""
        used = tuple(replace(one, face=face) for one, face in zip(self.used, faces, strict=True))
        return replace(self, used=used)

    def without(self, rejected: Sequence[RejectedReference]) -> "FetchedReferences":
        """Returns these references with some more rejected."""
        out = {reference.index for reference in rejected}
        left = tuple(one for one in self.used if one.index not in out)
        return FetchedReferences(left, (*self.rejected, *rejected))


class StartsFromReferences(Protocol):
    """A job of any kind that has reference sources."""

    @property
    def project_id(self) -> ProjectId: ...
    @property
    def references(self) -> tuple[ReferenceSource, ...]: ...


class ReferenceFetcher:
    """Fetches and checks the references of a job, several at once."""

    def __init__(
        self, settings: Settings, storage: Storage, executor: Executor, watchdog: Watchdog | None = None
    ) -> None:
        """Raises InvalidSettings if the file of the trusted roots can't be read."""
        self._settings = settings
        self._storage = storage
        self._executor = executor
        self._watchdog = watchdog or Watchdog()
        self._anchors = trust_anchors(settings)
        self._limits = DecodeLimits.from_settings(settings)
        # A picture at the pixel cap takes hundreds of megabytes while it is decoded.
        self._decoding = Semaphore(2)

    def fetch(self, job: StartsFromReferences, raise_if_unwanted: Callable[[], None]) -> FetchedReferences:
        """Fetches all references of the job, in its order. It calls `raise_if_unwanted` while it waits; what that
        raises ends the wait.

        Raises StorageError, including FetchHung. References that can't be used aren't an error: see
        `FetchedReferences.rejected`.
        """
        futures = [
            self._executor.submit(self._fetch, job.project_id, index, source)
            for index, source in enumerate(job.references)
        ]
        try:
            while wait(futures, timeout=0.2).not_done:
                raise_if_unwanted()
        finally:
            for future in futures:
                future.cancel()
        used: list[FetchedReference] = []
        rejected: list[RejectedReference] = []
        for index, (source, future) in enumerate(zip(job.references, futures, strict=True)):
            try:
                used.append(future.result())
            except UnusableReference as error:
                rejected.append(_rejection(index, source.asset_id, error))
        ingredients = bounded([one.ingredient for one in used])
        bound = [FetchedReference(one.image, held) for one, held in zip(used, ingredients, strict=True)]
        return FetchedReferences(tuple(bound), tuple(rejected))

    def _fetch(self, project_id: ProjectId, index: int, source: ReferenceSource) -> FetchedReference:
        data = self._read(project_id, source)
        limit = self._settings.fetch_timeout
        hung = ReferenceDecodeHung(
            f"The reference can't be decoded within {limit:g} s. Save it anew, or smaller."
        )
        with self._decoding:
            return self._watchdog.call(lambda: self._take_in(data, index, source), limit, hung)

    def _take_in(self, data: bytes, index: int, source: ReferenceSource) -> FetchedReference:
        image = decode_reference(data, self._limits)
        if self._settings.references == "marked":
            require_mark(data, self._anchors)
        used = UsedReference(asset_id=source.asset_id, sha256=sha256(data).hexdigest())
        # The bytes are dropped after this, so the mark that they carry is read now.
        return FetchedReference(RawImage.of(image), with_mark(Ingredient(index, used), data))

    def _read(self, project_id: ProjectId, source: ReferenceSource) -> bytes:
        if source.url is not None:
            return self._download(source.url)
        if source.key is not None and project_id not in source.key.split("/"):
            # Another project's object counts as missing.
            raise _missing(source)
        key = source.key or self._storage.keys.media_key(project_id, source.asset_id)
        try:
            return self._storage.get(
                key, max_bytes=self._settings.reference_max_bytes, timeout=self._settings.fetch_timeout
            )
        except StorageHung as error:
            raise FetchHung(error.message, **error.details) from None
        except NotFound:
            raise _missing(source) from None
        except ObjectTooLarge as error:
            raise ReferenceTooLarge(error.message, **error.details) from None

    def _download(self, url: str) -> bytes:
        # `download` keeps to its limit; the watchdog only abandons it when this worker ends.
        limit = self._settings.fetch_timeout
        hung = ReferenceFetchFailed(f"Fetching took more than {limit:g} s. Try again.")
        return self._watchdog.call(lambda: download(url, self._settings), limit + 1, hung)


def require_usable(references: FetchedReferences) -> None:
    """Raises NoUsableReference if no reference can be used, or ReferenceFetchFailed if a retry may find one."""
    if references.used:
        return
    rejected = [r.to_data() for r in references.rejected]
    codes = ", ".join(sorted({r.code for r in references.rejected}))
    if any(r.code == ReferenceFetchFailed.code for r in references.rejected):
        raise ReferenceFetchFailed(f"No reference could be fetched ({codes}).", references=rejected)
    raise NoUsableReference(
        f"None of the {len(rejected)} references can be used ({codes}). Give at least one that can.",
        references=rejected,
    )


def _missing(source: ReferenceSource) -> ReferenceNotFound:
    return ReferenceNotFound(
        f"The object store has no object of this project for {source.asset_id}. Upload it, or leave it out."
    )


def _rejection(index: int, asset_id: AssetId, error: UnusableReference) -> RejectedReference:
    return RejectedReference(index=index, asset_id=asset_id, code=error.code, message=error.message)
