"""The pipeline profiles by name. A new profile is one entry here and one file beside it.

Importing this module costs no torch: a profile's module is imported when it is loaded.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from models.errors import InvalidInput, ProfileLoadFailed

if TYPE_CHECKING:
    from pipelines.protocol import ReferencePipeline


@dataclass(frozen=True, slots=True)
class Profile:
    """What there is to know about a profile without loading it."""

    name: str
    pipeline: str
    """`module:Class` of its ReferencePipeline."""
    summary: str
    licence: str
    """Of its weights, as an SPDX expression or a sentence."""
    size: int
    """Side of its square images, in pixels."""


PROFILES: dict[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile(
            name="embedded",
            pipeline="pipelines.embedded:Embedded",
            summary="Recombines patches of the references. No weights, no GPU, no download; a stand-in for tests "
            "and first steps.",
            licence="No weights",
            size=256,
        ),
    )
}


def profile_named(name: str) -> Profile:
    """The profile of that name. Raises InvalidInput for any other."""
    try:
        return PROFILES[name]
    except KeyError:
        raise InvalidInput(
            f"There is no pipeline profile {name[:64]!r}. Choose from: {', '.join(PROFILES)}.",
            profile=name[:64],
        ) from None


def load_pipeline(name: str, device: str) -> "ReferencePipeline":
    """Import the profile's module and load its weights on `device` (`cpu`, `cuda:0`).

    Raises InvalidInput for an unknown name and ProfileLoadFailed for everything that goes wrong after.
    """
    profile = profile_named(name)
    module, _, pipeline = profile.pipeline.partition(":")
    try:
        loaded: ReferencePipeline = getattr(import_module(module), pipeline).load(device)
    except ProfileLoadFailed:
        raise
    except ImportError as error:
        raise ProfileLoadFailed(
            f"The profile {name!r} needs a package that is missing here ({error}). "
            "Install the worker with `pip install '.[worker,render]'`.",
            profile=name,
        ) from error
    except Exception as error:
        raise ProfileLoadFailed(
            f"The profile {name!r} can't be loaded on {device!r} ({type(error).__name__}: {error}). "
            "Set LIKENESS_DEVICE to a device that this machine has, or LIKENESS_PROFILE to another profile.",
            profile=name,
            device=device,
        ) from error
    return loaded


def pick_device(setting: str) -> str:
    """The device that the setting (`auto`, `cpu`, `cuda` or `cuda:N`) means on this machine."""
    if setting == "auto":
        import torch

        return "cuda:0" if torch.cuda.is_available() else "cpu"
    return "cuda:0" if setting == "cuda" else setting
