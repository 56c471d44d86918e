"""The profile `embedded`: carries references into new views on a CPU; a small diffusion model finishes them.

It was trained on renders of MakeHuman's heads (`training/`), and its weights are part of the package. It
knows such faces, not photographs.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from PIL import Image
from torch import Tensor

from models.influencer import Appearance
from models.record import NOT_CARRIED
from models.shot import Shot
from models.source_type import SourceType
from pipelines.diffusion import DiffusionEngine, OnStepEnd
from pipelines.diffusion.engine import dtype_for
from pipelines.embedded.fresh import fresh_view
from pipelines.embedded.nets.finisher import FACTOR
from pipelines.embedded.person import Person
from pipelines.embedded.pipeline import LikenessPipeline
from pipelines.protocol import ReferenceNote, Setup
from pipelines.remembered import Remembered, pixels_hash
from pipelines.weights.safe import Allowed, load_folder

_NETS = "pipelines.embedded.nets"
CLASSES: Allowed = {
    "finisher": frozenset((f"{_NETS}.finisher.Finisher",)),
    "finder": frozenset((f"{_NETS}.reader.HeadFinder",)),
    "reader": frozenset((f"{_NETS}.reader.ReferenceReader",)),
    "person": frozenset((f"{_NETS}.person.PersonArrays",)),
    "scheduler": frozenset(("pipelines.embedded.bridge.BridgeScheduler",)),
}

# As many as the jobs that a worker has in hand by default. Reading a person takes as long as rendering four images,
# and a retried shot needs the same person again. A person takes 8 MB for each reference.
_MOST_PEOPLE = 2


@dataclass(frozen=True, slots=True)
class _Asked:
    shot: Shot
    appearance: Appearance


@dataclass(frozen=True, slots=True)
class _Encoded:
    person: Person
    shots: list[Shot]


class Embedded(DiffusionEngine):
    """The profile's engine. A shot's numbers are its conditioning; what it leaves open (clothes, colours) follows
    from the seed."""

    pipeline_class: ClassVar[Any] = LikenessPipeline
    stock_name: ClassVar[str] = "LikenessPipeline"
    denoiser: ClassVar[str] = "finisher"

    def __init__(self, pipeline: Any, setup: Setup) -> None:
        super().__init__(pipeline, setup)
        self._people = Remembered[Person](_MOST_PEOPLE)

    @classmethod
    def open(cls, setup: Setup) -> Any:
        (weights,) = setup.weights
        return load_folder(LikenessPipeline, weights.path, CLASSES, dtype=dtype_for(setup))

    def conditioning(self, shot: Shot, appearance: Appearance) -> _Asked:
        return _Asked(shot, appearance)

    conditioning_without_references = conditioning

    def encode(
        self,
        references: list[Image.Image],
        told: list[_Asked],
        reference_size: int,  # noqa: ARG002 - it reads them at one size
    ) -> _Encoded:
        appearance, size = told[0].appearance, self.plan.size  # a job has one appearance
        key = (*map(pixels_hash, references), appearance, size)
        person = self._people.get(key, lambda: self.pipe.read(references, appearance, size))
        return _Encoded(person, [asked.shot for asked in told])

    def encode_made_up(
        self,
        person_seed: int,
        references: list[Image.Image],  # noqa: ARG002 - the seed says better what they show
        told: list[_Asked],
        reference_size: int,  # noqa: ARG002
    ) -> _Encoded:
        person = self.pipe.make_up(person_seed, told[0].appearance)
        return _Encoded(person, [asked.shot for asked in told])

    def source_type(self, encoded: _Encoded, row: int) -> SourceType:  # noqa: ARG002 - all rows are alike
        return SourceType.COMPOSITE if encoded.person.carrier.references else SourceType.GENERATED

    def reference_notes(self, encoded: _Encoded) -> list[ReferenceNote]:
        return [ReferenceNote(one.index, NOT_CARRIED, one.message) for one in encoded.person.left_out]

    def denoise(
        self, encoded: _Encoded, rows: list[int], generators: list[torch.Generator], on_step_end: OnStepEnd
    ) -> Tensor:
        references = encoded.person.carrier.references
        views = [
            fresh_view(generator.initial_seed(), encoded.shots[row], references)
            for row, generator in zip(rows, generators, strict=True)
        ]
        latents: Tensor = self.pipe(
            encoded.person,
            views,
            size=self.plan.size,
            num_inference_steps=self.plan.steps,
            generator=generators,
            output_type="latent",
            callback_on_step_end=on_step_end,
        ).images
        return latents

    def decode(self, latents: Tensor) -> Tensor:
        image: Tensor = self.pipe.decode(latents)
        return image

    def colours(self, latents: Tensor) -> Tensor | None:
        # They are pixels, FACTOR² for each cell.
        return latents.reshape(3, FACTOR**2, *latents.shape[1:]).mean(1)

    def _tile(self, on: bool) -> None:
        """Does nothing: decoding only reshapes, so there is nothing to tile."""
