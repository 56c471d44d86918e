"""Renders a job with a diffusers pipeline: encodes once, denoises in batches, decodes in a thread.

A profile's class defines how its model encodes, denoises and decodes; this class does the rest.
"""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from typing import Any, ClassVar, Self

import torch
from PIL import Image
from torch import Tensor

from models.influencer import Appearance
from models.likeness import FaceBox
from models.manifest import RenderInfo, UsedWeights
from models.record import NOT_USED
from models.render import SpeedOptions
from models.shot import DEFAULT_SHOTS, Shot, shot_named
from models.source_type import SourceType
from pipelines.diffusion import speed
from pipelines.diffusion.decoder import Decoder
from pipelines.diffusion.guest import Guest
from pipelines.diffusion.ladder import Ladder, Rung
from pipelines.diffusion.previews import expected, small_picture
from pipelines.diffusion.recovery import attempt, no_room
from pipelines.prompt import prompt_for
from pipelines.protocol import (
    Discard,
    PlannedShot,
    Preview,
    ReferenceNote,
    ReferencePipeline,
    Setup,
    Sink,
    Step,
)
from pipelines.references import around, chosen
from pipelines.registry import require_create
from pipelines.weights.safe import check_parameters, modules_of

OnStepEnd = Callable[[Any, int, Any, dict[str, Any]], dict[str, Any]]
"""diffusers' `callback_on_step_end`: pipeline, index of the step, timestep, tensors."""

# Some schedules need a first step before the last one.
_WARM_UP_STEPS = 2


class DiffusionEngine(ReferencePipeline):
    """Renders square RGB images. `encoded` is whatever a profile's `encode` returns."""

    pipeline_class: ClassVar[Any]
    """The diffusers pipeline, or a subclass of it."""
    stock_name: ClassVar[str]
    """diffusers' name for the pipeline, as in `model_index.json` and manifests."""
    denoiser: ClassVar[str] = "transformer"
    """The component that runs at every step."""
    prediction: ClassVar[str | None] = None
    """The variable of the pipeline's loop that has the denoiser's prediction, where previews need it."""

    def __init__(self, pipeline: Any, setup: Setup) -> None:
        """`pipeline` is a `pipeline_class` whose weights are on the CPU, or on the device already."""
        self.pipe = pipeline
        self.setup = setup
        self.plan = setup.plan
        self._ladder = Ladder(setup.plan)
        pipeline.set_progress_bar_config(disable=True)
        if self.prediction:
            # What its callback may be given.
            pipeline._callback_tensor_inputs = [*pipeline._callback_tensor_inputs, self.prediction]
        speed.quantized(self._denoiser, setup.plan.speed, dtype_for(setup))
        self._guests = {name: Guest(getattr(pipeline, name)) for name in setup.plan.profile.guests}
        for name, part in modules_of(pipeline).items():
            if name not in self._guests:
                part.to(setup.device.torch)
        check_parameters(modules_of(pipeline))
        speed.accelerated(self._denoiser, self._speed())

    def _speed(self) -> SpeedOptions:
        """The speed options, and the device's own choice where none is asked for."""
        asked, profile = self.plan.speed, self.plan.profile
        if asked.attention or "attention" not in profile.speed:
            return asked
        return asked.model_copy(update={"attention": self.setup.device.attention})

    def memory(self) -> tuple[int, int, int] | None:
        return self.setup.device.memory()

    def on_device(self, component: str) -> AbstractContextManager[None]:
        """The component is on the device meanwhile; one that is no guest always is."""
        guest = self._guests.get(component)
        return guest.on(self.setup.device.torch) if guest else nullcontext()

    @classmethod
    def load(cls, setup: Setup) -> Self:
        return cls(cls.open(setup), setup)

    @classmethod
    @abstractmethod
    def open(cls, setup: Setup) -> Any:
        """Loads a `pipeline_class` on the CPU and checks its weights. Raises WeightsRefused."""

    def conditioning(self, shot: Shot, appearance: Appearance) -> Any:
        """The shot's conditioning: a prompt by default."""
        return prompt_for(shot, appearance)

    def conditioning_without_references(self, shot: Shot, appearance: Appearance) -> Any:
        """The shot's conditioning where the model gets no reference."""
        return prompt_for(shot, appearance, has_references=False)

    @abstractmethod
    def encode(self, references: list[Image.Image], told: list[Any], reference_size: int) -> Any:
        """Encodes what all images of a job share. `told` has the conditioning of each image."""

    def encode_made_up(
        self,
        person_seed: int,  # noqa: ARG002 - to most models a person is an image
        references: list[Image.Image],
        told: list[Any],
        reference_size: int,
    ) -> Any:
        """Does the same as `encode` for a made-up person, in profiles that can. `references` may be empty."""
        return self.encode(references, told, reference_size)

    @abstractmethod
    def denoise(
        self, encoded: Any, rows: list[int], generators: list[torch.Generator], on_step_end: OnStepEnd
    ) -> Tensor:
        """Returns latents, one row for each of the images `rows` (positions in `told`)."""

    @abstractmethod
    def decode(self, latents: Tensor) -> Tensor:
        """Returns RGB in [-1, 1], (1, 3, H, W). Called while the denoiser runs or, if memory is short, is idle."""

    def colours(self, latents: Tensor) -> Tensor | None:  # noqa: ARG002
        """The colours of one image's latents, for a preview: (3, H, W), from about -1 to 1. None if no map to them
        is known. The latents are float32, and a row of those that `on_step_end` has."""
        return None

    def source_type(self, encoded: Any, row: int) -> SourceType:  # noqa: ARG002 - most only generate
        """The source type of the image `row`: a composite, if it has pixels of references."""
        return SourceType.GENERATED

    def reference_notes(self, encoded: Any) -> Sequence[ReferenceNote]:  # noqa: ARG002
        """Notes on references that `encode` used less than it could, by their positions in the list it was
        given."""
        return ()

    def call(self, generators: list[torch.Generator], on_step_end: OnStepEnd) -> dict[str, Any]:
        """The arguments that `denoise` gives to any pipeline, besides what was encoded."""
        asked = (
            {"callback_on_step_end_tensor_inputs": ["latents", self.prediction]} if self.prediction else {}
        )
        return asked | {
            "generator": generators,
            "height": self.plan.size,
            "width": self.plan.size,
            "num_inference_steps": self.plan.steps,
            "output_type": "latent",
            "callback_on_step_end": on_step_end,
        }

    def forget(self) -> None:
        """Drops what belongs to the job that ends."""

    def framed(self, reference: Image.Image, face: FaceBox | None) -> Image.Image:
        room = self.plan.profile.face_room
        return reference if face is None or room is None else around(reference, face, room)

    def render(
        self,
        references: Sequence[Image.Image],
        appearance: Appearance,
        shots: Sequence[PlannedShot],
        sink: Sink,
        person_seed: int | None = None,
    ) -> None:
        if person_seed is not None:
            require_create(self.plan.profile)
        places = chosen(len(references), self.plan.profile.most_references)
        used = [references[place] for place in places]
        tell = self.conditioning if used else self.conditioning_without_references
        told = [tell(planned.shot, appearance) for planned in shots]
        decoder = Decoder(self.setup.device, self.decode, sink)
        try:
            self._note_unused(len(references), places, sink)
            self._render(_Job(used, places, told, shots, person_seed), sink, decoder)
        finally:
            # However the job ended, the next one must find none of its caches and encodings.
            decoder.close()
            self.pipe.maybe_free_model_hooks()
            self.forget()

    @torch.inference_mode()
    def _render(self, job: "_Job", sink: Sink, decoder: Decoder) -> None:
        count = len(job.references)
        tile = partial(self._decode_in_tiles, count)
        begun = 0
        while begun < len(job.shots):
            rung = self._ladder.at(count)
            rows = list(range(begun, min(begun + rung.batch, len(job.shots))))
            latents = attempt(self.setup.device, partial(self._batch, job, rows, rung, sink, decoder))
            # If the batch found no room, the decoding thread may have held the memory.
            was_decoding = latents is None and decoder.wait()
            if latents is not None:
                source_types = [self.source_type(job.encoded, row) for row in rows]
                decoder.submit(latents, [job.shots[row] for row in rows], source_types)
                begun += len(rows)
            if decoder.settle(tile) or latents is None:
                can_do_less = self._ladder.step_down(count, len(rows))
                if latents is None and not can_do_less and not was_decoding:
                    raise no_room()
        decoder.wait()
        decoder.settle(tile)

    def _batch(self, job: "_Job", rows: list[int], rung: Rung, sink: Sink, decoder: Decoder) -> Tensor:
        """The latents of some of the job's images."""
        device = self.setup.device
        self._tile(rung.tiling)
        if job.encoded_at != rung.reference_size:
            job.encoded = None
            self.forget()
            with device.phase("encode"):
                job.encoded = self._encode(job, rung.reference_size)
            job.encoded_at = rung.reference_size
            for note in self.reference_notes(job.encoded):
                sink.reference(replace(note, index=job.places[note.index]))

        def on_step_end(_: Any, index: int, __: Any, tensors: dict[str, Any]) -> dict[str, Any]:
            # Kernels are queued: without this, steps would be reported before they are computed.
            device.synchronize()
            decoder.raise_failed()
            for place, row in enumerate(rows):
                preview = partial(self._preview, tensors, index, place, self.source_type(job.encoded, row))
                sink.step(Step(job.shots[row].shot.name, index + 1, self.plan.steps, preview))
            return tensors

        # One for each image, on the CPU, so that its noise is the same on every device and in every batch.
        generators = [torch.Generator().manual_seed(job.shots[row].seed) for row in rows]
        with device.phase("denoise"):
            latents = self.denoise(job.encoded, rows, generators, on_step_end)
            device.synchronize()
        return latents

    def _preview(
        self, tensors: dict[str, Any], index: int, place: int, source_type: SourceType
    ) -> Preview | None:
        prediction, sigma = None, torch.zeros(())
        if self.prediction:
            prediction, sigma = tensors[self.prediction][place], self.pipe.scheduler.sigmas[index + 1]
        colours = self.colours(expected(tensors["latents"][place], prediction, sigma))
        return None if colours is None else Preview(small_picture(colours), source_type)

    def _note_unused(self, count: int, places: list[int], sink: Sink) -> None:
        why = f"the profile takes {len(places)} at most"
        for index in sorted(set(range(count)).difference(places)):
            sink.reference(ReferenceNote(index, NOT_USED, why))

    def _encode(self, job: "_Job", reference_size: int) -> Any:
        if job.person_seed is None:
            return self.encode(job.references, job.told, reference_size)
        return self.encode_made_up(job.person_seed, job.references, job.told, reference_size)

    def _decode_in_tiles(self, references: int) -> None:
        self._ladder.learn_tiling(references)
        self._tile(True)

    def _tile(self, on: bool) -> None:
        vae = self.pipe.vae
        if not on:
            vae.disable_tiling()
            return
        vae.enable_tiling()
        if hasattr(vae, "tile_latent_min_size"):
            # Its default tiles are as large as the image, which would then be a single tile.
            vae.tile_sample_min_size = min(vae.tile_sample_min_size, self.plan.size // 2)
            vae.tile_latent_min_size = vae.tile_sample_min_size // self.pipe.vae_scale_factor

    def info(self) -> RenderInfo:
        on = self._speed().model_dump(exclude_defaults=True)
        return RenderInfo(
            profile=self.plan.profile.name,
            pipeline=self.stock_name,
            steps=self.plan.steps,
            dtype=str(dtype_for(self.setup)).removeprefix("torch."),
            device=self.setup.device.description,
            guidance=self.plan.profile.guidance,
            reference_size=self.plan.reference_size,
            options={name: "on" if value is True else str(value) for name, value in on.items()},
            domain=self.plan.profile.domain,
            reads_text=self.plan.profile.reads_text,
            warnings=self.plan.warnings,
            weights=tuple(
                UsedWeights(
                    repository=used.lock.repository, revision=used.lock.revision, sha256=used.lock.digest
                )
                for used in self.setup.weights
            ),
            versions={name: version(name) for name in ("torch", "diffusers", "transformers")}
            | {"likeness": version("likeness-worker")},
        )

    def warm_up(self) -> None:
        """Renders one image in a few steps; with compiled blocks, one and two images from one and two references.

        From the second size on, torch compiles for any size.
        """
        most = 2 if self.setup.plan.speed.compile else 1
        side = self.plan.reference_size
        plan = self.plan
        self.plan = replace(plan, steps=min(plan.steps, _WARM_UP_STEPS))
        try:
            for references in range(1, most + 1):
                for images in range(1, min(most, plan.max_batch) + 1):
                    grey = [Image.new("RGB", (side, side), (127, 127, 127))] * references
                    shots = [PlannedShot(shot_named(name), 0) for name in DEFAULT_SHOTS[:images]]
                    self.render(grey, Appearance(), shots, Discard())
        finally:
            self.plan = plan

    @property
    def _denoiser(self) -> Any:
        return getattr(self.pipe, self.denoiser)


@dataclass(slots=True)
class _Job:
    """The job to render, and its encoded conditioning."""

    references: list[Image.Image]
    places: list[int]
    """The references' positions in the list that `render` was given."""
    told: list[Any]
    shots: Sequence[PlannedShot]
    person_seed: int | None
    encoded: Any = None
    encoded_at: int | None = None
    """The reference size that `encoded` was made with."""


def dtype_for(setup: Setup) -> torch.dtype:
    """The type to compute in: the profile's on an accelerator. On a CPU float32, which is quicker there and exact
    enough to compare."""
    return setup.device.computes_in(setup.plan.profile)
