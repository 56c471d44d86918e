"""From a profile's name to a pipeline that has rendered its first image."""

import os
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, cast

from models.errors import ProfileLoadFailed, RenderError
from models.render import RenderOptions
from pipelines.profile import Plan, Profile
from pipelines.registry import CPU_PROFILE, GPU_PROFILE, profile_named
from pipelines.weights import WeightStore, offline, verify

if TYPE_CHECKING:
    from pipelines.protocol import ReferencePipeline


def load_pipeline(options: RenderOptions) -> "ReferencePipeline":
    """Check the weights and the device, load the profile, and render a warm-up image.

    Raises InvalidInput for an unknown name and ProfileLoadFailed for everything that goes wrong after.
    """
    # Before anything is imported that could reach for the network, or that chats on standard error.
    offline()
    for library in ("DIFFUSERS", "TRANSFORMERS"):
        os.environ.setdefault(f"{library}_VERBOSITY", "error")
    profile = profile_named(default_profile(options.device) if options.profile == "auto" else options.profile)
    details = {"profile": profile.name, "device": options.device}
    try:
        return _load(profile, options)
    except ProfileLoadFailed:
        raise
    except RenderError as error:
        message = (
            f"The profile {profile.name!r} can't render its warm-up image on {options.device!r}: {error.message} "
            f"It takes about {profile.memory / 1e9:.0f} GB and some for the work."
        )
    except ImportError as error:
        message = (
            f"The profile {profile.name!r} needs a package that is missing here ({error}). "
            "Install the worker with `pip install '.[worker,render]'`."
        )
    except Exception as error:  # noqa: BLE001 - whatever a model's code raises, the node can't render with it
        message = (
            f"The profile {profile.name!r} can't be loaded on {options.device!r} ({type(error).__name__}: "
            f"{str(error)[:500]}). Set LIKENESS_DEVICE to a device that this machine has, or LIKENESS_PROFILE to "
            "another profile."
        )
    raise ProfileLoadFailed(message, **details)


def _load(profile: Profile, options: RenderOptions) -> "ReferencePipeline":
    # What is cheap to check comes first: a missing file shouldn't wait for torch.
    plan = Plan.of(profile, options)
    store = WeightStore(Path(options.weights))
    weights = tuple(verify(store, source, profile=profile.name) for source in profile.sources)
    from pipelines.device import Device, pick_device
    from pipelines.protocol import Setup

    device = Device(pick_device(options.device))
    device.check_fitness()
    pipeline = pipeline_class(profile).load(Setup(plan, device, options.speed, weights))
    pipeline.warm_up()
    return pipeline


def default_profile(device: str) -> str:
    """What `auto` means for a worker with that device setting."""
    from pipelines.device import pick_device

    return GPU_PROFILE if pick_device(device).startswith("cuda") else CPU_PROFILE


def pipeline_class(profile: Profile) -> "type[ReferencePipeline]":
    """The class that the profile names, imported."""
    module, _, name = profile.pipeline.partition(":")
    return cast("type[ReferencePipeline]", getattr(import_module(module), name))
