"""What must hold however the run went. Each checker takes what was seen of one job from outside, and yields
sentences about what is wrong with it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from itertools import accumulate
from typing import Literal

from models.errors import InvalidInput, LikenessNotReached, NoUsableReference
from models.event import JobEvent
from models.job import CloneJob
from models.manifest import Manifest
from models.record import JobRecord, StoredImage

Kind = Literal["plain", "canceled", "misses", "no reference"]
"""What becomes of a job when nothing fails: it completes; somebody asks for its end; its last shot never is like
its references; its references are missing."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """An image that a device finished. Times are in seconds since 1970."""

    shot: str
    began: float
    ended: float


@dataclass(frozen=True, slots=True)
class Told:
    """A webhook that the receiver got."""

    webhook_id: str
    type: str
    taken: bool = True
    """It was answered with a 2xx, and in time."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One job, from outside. Keys of `objects` and of `stored` are whole."""

    job: CloneJob
    kind: Kind
    folder: str
    record: JobRecord | None
    events: Sequence[JobEvent]
    objects: Mapping[str, bytes]
    rendered: Sequence[Rendered] = ()
    stored: Mapping[str, float] = field(default_factory=dict)
    """When the store first had an object."""
    told: Sequence[Told] = ()
    collected: Sequence[str] = ()
    """What `likeness gc` deleted of it, before `objects` were looked at."""


def ends_once(seen: Seen) -> Iterator[str]:
    if seen.record is None:
        yield "its record is lost"
        return
    ends = [event for event in seen.events if event.is_terminal]
    if not seen.record.is_final:
        yield f"it never ended: {seen.record.stage}, attempt {seen.record.attempts}"
    if len(ends) != (1 if seen.record.is_final else 0):
        yield f"it has {len(ends)} terminal events and is {seen.record.status}"
    if ends and ends[0].type != f"job.{seen.record.status}":
        yield f"it is {seen.record.status}, and its event says {ends[0].type}"
    if len(ends) == 1 and ends[0] is not seen.events[-1]:
        yield f"its events go on after {ends[0].type}"
    if [event.sequence for event in seen.events] != list(range(1, len(seen.events) + 1)):
        yield "its events have gaps"


def ends_as_it_should(seen: Seen) -> Iterator[str]:
    """No fault changes what becomes of a job: nothing is lost."""
    if seen.record is None or not seen.record.is_final:
        return
    end = (seen.record.status, seen.record.error.code if seen.record.error else None)
    should: dict[Kind, set[tuple[str, str | None]]] = {
        "plain": {("completed", None)},
        "canceled": {("canceled", None), ("completed", None)},
        "misses": {("failed", LikenessNotReached.code)},
        "no reference": {("failed", NoUsableReference.code)},
    }
    if end not in should[seen.kind]:
        yield f"it should have ended otherwise than {end[0]} ({end[1]})"


def is_whole(seen: Seen) -> Iterator[str]:
    """A completed job has its manifest and every image, each once, with the manifest's hash, and nothing else."""
    if seen.record is None or seen.record.status != "completed":
        return
    result = seen.record.result
    if result is None:
        yield "it is completed without a result"
        return
    try:
        manifest = Manifest.parse(seen.objects[result.manifest_key])
    except (KeyError, InvalidInput):
        yield "its manifest is missing or broken"
        return
    if _without_urls(manifest.images) != _without_urls(result.images):
        yield "its manifest and its result disagree"
    if [image.shot for image in manifest.images] != list(seen.job.shots):
        yield f"it has the images {[image.shot for image in manifest.images]}"
    yield from _wrong_objects(seen, manifest.images, {result.manifest_key})
    yield from (f"{key} is in no manifest" for key in seen.collected)


def _without_urls(images: Sequence[StoredImage]) -> list[StoredImage]:
    """Signed URLs expire: a job that ends with the manifest of an earlier attempt has fresh ones in its result."""
    return [image.model_copy(update={"url": "", "thumbnail_url": ""}) for image in images]


def _wrong_objects(seen: Seen, images: Sequence[StoredImage], others: set[str]) -> Iterator[str]:
    hashes = {image.key: image.sha256 for image in images}
    hashes |= {image.thumbnail_key: image.thumbnail_sha256 for image in images}
    for key, digest in hashes.items():
        if key not in seen.objects:
            yield f"{key} is missing"
        elif sha256(seen.objects[key]).hexdigest() != digest:
            yield f"{key} has another hash than in the manifest"
    for key in sorted(seen.objects.keys() - hashes.keys() - others):
        yield f"{key} is in no manifest"


def leaves_nothing(seen: Seen) -> Iterator[str]:
    """After `likeness gc`, of a canceled job there is nothing, and of a failed one its evidence."""
    if seen.record is None or seen.record.status not in ("failed", "canceled"):
        return
    details = seen.record.error.details if seen.record.error else {}
    evidence = {missed["evidenceKey"] for missed in details.get("missed", ()) if missed.get("evidenceKey")}
    yield from (f"{key} is left over" for key in sorted(seen.objects.keys() - evidence))
    yield from (f"{key} is missing" for key in sorted(evidence - seen.objects.keys()))


def renders_no_twin(seen: Seen) -> Iterator[str]:
    for image in seen.rendered:
        there = seen.stored.get(f"{seen.folder}/{image.shot}.png")
        if there is not None and image.began > there:
            yield f"{image.shot} was begun {image.began - there:.2f} s after its twin was stored"


def is_told(seen: Seen) -> Iterator[str]:
    if seen.record is None or not seen.record.is_final:
        return
    if not any(told.taken for told in seen.told):
        yield "its webhook never came through"
    if len({told.webhook_id for told in seen.told}) > 1:
        yield f"its webhook came with {len({told.webhook_id for told in seen.told})} ids"
    for kind in sorted({told.type for told in seen.told} - {f"job.{seen.record.status}"}):
        yield f"it is {seen.record.status}, and its webhook says {kind}"


CHECKERS: tuple[Callable[[Seen], Iterator[str]], ...] = (
    ends_once,
    ends_as_it_should,
    is_whole,
    leaves_nothing,
    renders_no_twin,
    is_told,
)


def most_at_once(jobs: Sequence[Seen]) -> int:
    """How many jobs were begun and not ended at one moment, by Redis's clock."""
    changes: list[tuple[datetime, int]] = []
    for seen in jobs:
        if began := [event.at for event in seen.events if event.type == "job.started"]:
            changes.append((began[0], 1))
            changes += [(event.at, -1) for event in seen.events if event.is_terminal]
    # Within a millisecond an end comes first: it is what makes room.
    return max(accumulate((change for _, change in sorted(changes)), initial=0))


def violations(
    jobs: Sequence[Seen], keys: Sequence[str] = (), *, limit: int | None = None, places: Sequence[str] = ()
) -> list[str]:
    """What is wrong with any of the jobs, all of one project that has the `limit`; with `keys`, all that was in the
    bucket for them before `likeness gc`; and with `places`, the keys of Redis that say what there is to do."""
    found = [
        f"{seen.job.job_id} ({seen.kind}): {text}"
        for seen in jobs
        for check in CHECKERS
        for text in check(seen)
    ]
    known = {key for seen in jobs for key in (*seen.objects, *seen.collected)}
    found += [f"{key} is no job's" for key in keys if key not in known]
    ids = [webhook_id for seen in jobs for webhook_id in {told.webhook_id for told in seen.told}]
    if len(set(ids)) < len(ids):
        found.append("two jobs share a webhook id")
    if limit is not None and (most := most_at_once(jobs)) > limit:
        found.append(f"{most} jobs were begun at once")
    found += [f"{place} is left over" for place in places]
    return found


def rendered_again(seen: Seen) -> int:
    """Images that were made although an earlier attempt had made them: it was interrupted before it stored them."""
    # A shot that misses is rendered again on purpose.
    if seen.kind == "misses":
        return 0
    return len(seen.rendered) - len({image.shot for image in seen.rendered})
