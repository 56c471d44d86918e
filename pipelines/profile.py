"""Pipeline profiles as plain data: all that is known about one without loading it, and without torch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from models.domain import Domain
from models.errors import ProfileLoadFailed
from models.render import RenderOptions, SpeedOptions

SpeedOption = Literal["compile", "attention", "quantize", "step_cache", "channels_last"]


@dataclass(frozen=True, slots=True)
class Source:
    """The part of a repository of weights that a profile needs."""

    repository: str
    """`owner/name` on the Hugging Face hub; with an address, a name of the same form."""
    files: tuple[str, ...]
    """Glob patterns of the paths to fetch, as `fnmatch` reads them."""
    licence: str
    """SPDX expression, or the licence's name where SPDX has none."""
    licence_url: str
    download: int
    """About how many bytes are fetched."""
    revision: str | None = None
    """A full commit hash. None: `likeness models fetch` takes the newest and records which one that was."""
    sha256: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Hashes of files at that commit, by path, where they are known. A fetch that gets others is refused."""
    address: str = ""
    """The https folder that has its files, where that isn't the hub. Then `sha256` names them all, and `revision`
    is any 40 hexadecimal digits that change with them."""
    suffix: Literal[".safetensors", ".onnx"] = ".safetensors"
    """The type of its weight files. ONNX is for what is no pipeline: the gates and the watermark alone open it."""
    variant: str | None = None
    """The part of its weight files' names that gives their precision, e.g. `fp16`."""
    shipped: bool = False
    """Whether it is a part of this package, so that nothing is fetched."""
    duties: str = ""
    """What the licence requires of an operator, beyond keeping its notice."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A model, the figures that it runs with, and what it needs."""

    name: str
    pipeline: str
    """`module:Class` of its ReferencePipeline."""
    summary: str
    sources: tuple[Source, ...] = ()
    """The weights it loads. Empty: it needs none."""
    size: int = 1024
    """Side of its square images, in pixels."""
    size_multiple: int = 16
    """The side of its images must be a multiple of this."""
    domain: Domain = "photographs"
    """What its images look like: it decides by which calibration they are judged."""
    steps: int = 1
    """Denoising steps of one image."""
    guidance: float = 1.0
    """Scale of classifier-free guidance; 1 is none."""
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    """The type it computes in on an accelerator. On a CPU it is always float32."""
    most_references: int = 8
    """References it takes. More are thinned out evenly."""
    reference_size: int = 512
    """References are scaled down to the area of a square with this side, in pixels."""
    face_room: float | None = None
    """References are cropped to a square round the face of so many times its side, where its place is known: 2 has
    head and shoulders. None: they enter whole."""
    reads_text: bool = True
    """Whether it renders people from text, such as a prompt. Then a job with an `ageRange` that nobody can read is
    refused, and the safety gate is required unless a setting says otherwise."""
    is_fake: bool = False
    """Whether it draws placeholders, for tests alone. Then it needs neither a device nor torch."""
    can_create: bool = False
    """Whether it can render a made-up person, who has no references yet."""
    max_batch: int = 1
    """Images of one job that are denoised at once where memory allows."""
    memory: int = 0
    """Device memory that it holds while idle, in bytes, approximately."""
    quantize: Literal["fp8"] | None = None
    """How its denoiser's weights are kept, unless an option says otherwise."""
    when_quantized: str = ""
    """A warning for operators who ask for weights of 8 bits."""
    guests: tuple[str, ...] = ()
    """Components that are on the device only while they encode; their weights stay in host memory."""
    with_less_memory: str = ""
    """A sentence: what to set where there is less memory."""
    speed: frozenset[SpeedOption] = frozenset()
    """The speed options that were tried with it."""
    geometry: str | None = None
    """The module of its true-size shape with random weights, for `likeness models bench --random`."""

    @property
    def licence(self) -> str:
        """The licences of all its weights, for a table."""
        return " + ".join(dict.fromkeys(source.licence for source in self.sources)) or "No weights"


@dataclass(frozen=True, slots=True)
class Plan:
    """The profile's figures after the operator's options are applied."""

    profile: Profile
    size: int
    steps: int
    reference_size: int
    max_batch: int
    speed: SpeedOptions

    @property
    def warnings(self) -> tuple[str, ...]:
        """What an operator should know of the options."""
        told = self.profile.when_quantized
        return (told,) if told and self.speed.quantize else ()

    @classmethod
    def of(cls, profile: Profile, options: RenderOptions) -> "Plan":
        """Applies the options. Raises ProfileLoadFailed for a speed option or size that the profile lacks, or for a
        conflict."""
        chosen = options.speed.model_dump(exclude_defaults=True, by_alias=False)
        if foreign := sorted(set(chosen) - profile.speed):
            known = ", ".join(sorted(profile.speed)) or "none"
            raise ProfileLoadFailed(
                f"The profile {profile.name!r} has no speed option {', '.join(foreign)} (it has: {known}). "
                "Unset it, or choose another profile.",
                profile=profile.name,
            )
        if options.speed.compile and {"quantize", "step_cache"} & set(chosen):
            raise ProfileLoadFailed(
                "Compiled blocks are compiled anew for each step of quantised weights or a step cache, until torch "
                "gives up. Unset LIKENESS_COMPILE, or LIKENESS_QUANTIZE and LIKENESS_STEP_CACHE.",
                profile=profile.name,
            )
        if options.image_size and options.image_size % profile.size_multiple:
            raise ProfileLoadFailed(
                f"The profile {profile.name!r} makes images whose side is a multiple of {profile.size_multiple} "
                f"pixels, and {options.image_size} isn't. Change LIKENESS_IMAGE_SIZE.",
                profile=profile.name,
            )
        return cls(
            profile,
            size=options.image_size or profile.size,
            steps=options.steps or profile.steps,
            reference_size=options.reference_size or profile.reference_size,
            max_batch=min(options.max_batch or profile.max_batch, profile.max_batch),
            speed=options.speed.model_copy(update={"quantize": options.speed.quantize or profile.quantize}),
        )
