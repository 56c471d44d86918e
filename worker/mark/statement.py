"""What a signature says of an image: how it was made, from what, and for which job."""

from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID, uuid5

from models.derived import asset_id_of
from models.job import Job
from models.manifest import DIGITAL_SOURCE_TYPE, RenderInfo, UsedReference
from worker.version import likeness_version

RENDER_ASSERTION = "org.likeness.render"
"""The label of our own assertion."""

Kind = Literal["image", "thumbnail", "evidence"]
"""What a picture of a shot is to its job. Evidence is a try that missed the likeness."""

_NAMES = UUID("3f2b1c52-7a0e-4c86-9d0b-8e5b4a1d6c77")


@dataclass(frozen=True, slots=True)
class Ingredient:
    """A reference that conditioned the images. `mark` has the C2PA manifests that came with it, if any did, as
    `worker.mark.kept` makes it; `index` is its place among the job's references."""

    index: int
    reference: UsedReference
    mark: bytes | None = None

    @property
    def label(self) -> str:
        return f"reference-{self.index}"

    def definition(self) -> dict[str, Any]:
        """As the SDK takes it: by asset id and hash, never by key or URL, since images are public."""
        asset_id, digest = self.reference.asset_id, self.reference.sha256
        return {
            "label": self.label,
            # Were it left out, the SDK would take the id that the reference's own XMP has, or draw one.
            "instance_id": f"xmp:iid:{uuid5(_NAMES, f'{self.label} {asset_id} {digest}')}",
            "title": asset_id,
            "description": f"SHA-256 {digest}",
            "relationship": "inputTo",
        }


@dataclass(frozen=True, slots=True)
class Origin:
    """What an attempt's images come from."""

    ingredients: tuple[Ingredient, ...] = ()
    render: RenderInfo | None = None


def statement(job: Job, shot: str, seed: int, origin: Origin, kind: Kind = "image") -> dict[str, Any]:
    """The SDK's manifest definition for a picture of a shot.

    The same image has the same instance id, whichever attempt stored it. The manifest's own label is the
    SDK's, and new each time: it names one signing.
    """
    asset_id = asset_id_of(job.job_id, shot)
    agent = {"name": "likeness", "version": likeness_version()}
    created = {
        "action": "c2pa.created",
        "digitalSourceType": DIGITAL_SOURCE_TYPE,
        "softwareAgent": agent,
        "parameters": {"ingredientIds": [one.label for one in origin.ingredients]},
    }
    return {
        "claim_generator_info": [agent],
        "title": shot if kind == "image" else f"{shot} ({kind})",
        "instance_id": f"xmp:iid:{uuid5(_NAMES, f'{asset_id} {kind}')}",
        # The others come with their marks, as archives.
        "ingredients": [one.definition() for one in origin.ingredients if one.mark is None],
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": [created]}, "created": True},
            {"label": RENDER_ASSERTION, "data": _render(job, shot, asset_id, seed, origin), "created": True},
        ],
    }


def _render(job: Job, shot: str, asset_id: str, seed: int, origin: Origin) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "jobId": job.job_id,
        "assetId": asset_id,
        "shot": shot,
        # 63 bits, which readers that take JSON's numbers for floats would round.
        "seed": str(seed),
        "references": [one.reference.to_data() for one in origin.ingredients],
    }
    if origin.render:
        render = origin.render
        facts |= {
            "profile": render.profile,
            "pipeline": render.pipeline,
            "steps": render.steps,
            "weights": [used.to_data() for used in render.weights],
            "versions": render.versions,
        }
    return facts
