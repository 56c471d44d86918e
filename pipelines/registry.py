"""The pipeline profiles by name.

A new profile is one entry here and one module beside it; or, in another package, an entry point of the group
`likeness.profiles` that has the profile's name and refers to a `Profile`.

Importing this module doesn't import torch: a profile's module is imported when the profile is loaded.
"""

from importlib.metadata import EntryPoint, entry_points

from models.errors import InvalidInput, ProfileNeedsReferences
from models.fake import FAKE_PROFILE
from pipelines.profile import Profile, Source
from pipelines.sources import (
    AURAFACE,
    EMBEDDED,
    FACES,
    FIRERED,
    GB,
    IP_ADAPTER,
    KLEIN,
    QWEN,
    QWEN_LIGHTNING,
    SAFETY,
    SAFETY_NAME,
    SDXL,
    SMALL_DECODER,
    WATERMARK,
    WATERMARK_NAME,
    YUNET,
)

_QWEN_PIPELINE = "pipelines.qwen_image_edit:QwenImageEdit"
_QWEN_GEOMETRY = "pipelines.geometry.qwen_image_edit"

PROFILES: dict[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile(
            name="embedded",
            pipeline="pipelines.embedded.profile:Embedded",
            summary="A small model for a CPU that knows rendered people only. It ships with the package.",
            sources=(EMBEDDED,),
            size=512,
            domain="rendered",
            steps=2,
            most_references=8,
            reads_text=False,
            can_create=True,
            max_batch=2,
            memory=GB // 10,
        ),
        Profile(
            name="flux2-klein",
            pipeline="pipelines.flux2_klein:Flux2Klein",
            summary="FLUX.2 [klein] 4B: few steps, several references. The default for a GPU.",
            sources=(KLEIN,),
            steps=4,
            dtype="bfloat16",
            most_references=4,
            reference_size=512,
            face_room=2.0,
            can_create=True,
            max_batch=4,
            memory=16 * GB,
            with_less_memory="Set LIKENESS_PROFILE=flux2-klein-small for a card of 16 GB.",
            speed=frozenset(("compile", "attention", "quantize")),
            geometry="pipelines.geometry.flux2_klein",
        ),
        Profile(
            name="flux2-klein-small",
            pipeline="pipelines.flux2_klein:Flux2Klein",
            summary="The same for cards of 16 GB: 8-bit weights, a smaller decoder, the text encoder on a visit.",
            sources=(KLEIN, SMALL_DECODER),
            steps=4,
            dtype="bfloat16",
            most_references=4,
            reference_size=512,
            face_room=2.0,
            can_create=True,
            max_batch=2,
            memory=GB * 9 // 2,
            quantize="fp8",
            guests=("text_encoder",),
            speed=frozenset(("attention",)),
            geometry="pipelines.geometry.flux2_klein",
        ),
        Profile(
            name="qwen-image-edit",
            pipeline=_QWEN_PIPELINE,
            summary="Qwen-Image-Edit-2511: 40 steps with true guidance. The best likeness, for 80 GB cards.",
            sources=(QWEN,),
            steps=40,
            guidance=4.0,
            dtype="bfloat16",
            most_references=3,
            reference_size=1024,
            face_room=2.0,
            memory=58 * GB,
            with_less_memory="Set LIKENESS_QUANTIZE=fp8 for a card of 48 GB, or LIKENESS_PROFILE=flux2-klein.",
            speed=frozenset(("compile", "attention", "quantize", "step_cache")),
            geometry=_QWEN_GEOMETRY,
        ),
        Profile(
            name="qwen-image-edit-lightning",
            pipeline=_QWEN_PIPELINE,
            summary="The same with a LoRA for eight steps without guidance: ten times as fast.",
            sources=(QWEN, QWEN_LIGHTNING),
            when_quantized="Its LoRA was trained on weights of 16 bits; on weights of 8 bits it was seen to draw a "
            "fine grid. Compare images before you use both.",
            steps=8,
            dtype="bfloat16",
            most_references=3,
            reference_size=1024,
            face_room=2.0,
            memory=58 * GB,
            with_less_memory="Set LIKENESS_QUANTIZE=fp8 for a card of 48 GB, or LIKENESS_PROFILE=flux2-klein.",
            speed=frozenset(("compile", "attention", "quantize")),
            geometry=_QWEN_GEOMETRY,
        ),
        Profile(
            name="firered-image-edit",
            pipeline=_QWEN_PIPELINE,
            summary="FireRed-Image-Edit-1.1: Qwen-Image-Edit, trained further for the identity. For 80 GB cards.",
            sources=(FIRERED,),
            steps=40,
            guidance=4.0,
            dtype="bfloat16",
            most_references=3,
            reference_size=1024,
            face_room=2.0,
            memory=58 * GB,
            with_less_memory="Set LIKENESS_QUANTIZE=fp8 for a card of 48 GB, or LIKENESS_PROFILE=flux2-klein.",
            speed=frozenset(("compile", "attention", "quantize", "step_cache")),
            geometry=_QWEN_GEOMETRY,
        ),
        Profile(
            name="sdxl-ip-adapter",
            pipeline="pipelines.sdxl_ip_adapter:SdxlIpAdapter",
            summary="Stable Diffusion XL with IP-Adapter plus-face. For cards from 12 GB.",
            sources=(SDXL, IP_ADAPTER),
            steps=30,
            guidance=6.0,
            dtype="float16",
            most_references=4,
            reference_size=224,
            # What its authors trained it with: the face alone.
            face_room=1.5,
            max_batch=4,
            memory=9 * GB,
            with_less_memory="Set LIKENESS_QUANTIZE=fp8.",
            speed=frozenset(("compile", "quantize", "channels_last")),
            geometry="pipelines.geometry.sdxl_ip_adapter",
        ),
        Profile(
            name=FAKE_PROFILE,
            pipeline="pipelines.fake.profile:Fake",
            summary="Placeholders in milliseconds, and outcomes on demand, for producers' own tests. No model.",
            size=256,
            domain="rendered",
            steps=2,
            most_references=20,
            reads_text=False,
            is_fake=True,
            can_create=True,
        ),
    )
}


GROUP = "likeness.profiles"

GATES = {FACES: (YUNET, AURAFACE), SAFETY_NAME: (SAFETY,), WATERMARK_NAME: (WATERMARK,)}
"""What else is fetched, by the name that `likeness models fetch` takes: the models of the two gates and of the
watermark."""

GPU_PROFILE = "flux2-klein"
CPU_PROFILE = "embedded"
"""The defaults, on a GPU and on a CPU, of a worker that names no profile."""


def all_profiles() -> dict[str, Profile]:
    """All profiles of this package and of packages that add some. Raises InvalidInput if one can't be loaded."""
    return PROFILES | {name: _loaded(found) for name, found in _added().items()}


def require_create(profile: Profile) -> None:
    """Raises ProfileNeedsReferences if the profile can't make a person up."""
    if not profile.can_create:
        able = ", ".join(one.name for one in all_profiles().values() if one.can_create and not one.is_fake)
        raise ProfileNeedsReferences(
            f"The profile {profile.name!r} can't make a person up: it needs references. Have a worker with one of "
            f"these do it: {able}.",
            profile=profile.name,
        )


def profile_named(name: str) -> Profile:
    """The profile with that name. Raises InvalidInput if there is none."""
    if built_in := PROFILES.get(name):
        return built_in
    added = _added()
    if found := added.get(name):
        return _loaded(found)
    raise InvalidInput(
        f"There is no pipeline profile {name[:64]!r}. Choose from: {', '.join([*PROFILES, *added])}.",
        profile=name[:64],
    )


def sources_named(name: str) -> tuple[Source, ...]:
    """The weights of the profile of that name, of a gate or of the watermark. Raises InvalidInput for others."""
    return GATES.get(name) or profile_named(name).sources


def _added() -> dict[str, EntryPoint]:
    """The entry points of other packages. They can't replace a profile of this package."""
    return {found.name: found for found in entry_points(group=GROUP) if found.name not in PROFILES}


def _loaded(found: EntryPoint) -> Profile:
    try:
        profile = found.load()
    except Exception as error:
        raise InvalidInput(
            f"The profile {found.name} ({found.value}) can't be loaded: {type(error).__name__}: {error}. Mend it, "
            "or uninstall its package."
        ) from error
    if not isinstance(profile, Profile) or profile.name != found.name:
        raise InvalidInput(f"The entry point {found.name} ({found.value}) is no Profile of that name.")
    return profile
