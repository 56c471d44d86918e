"""Loads a profile's pipeline and renders its first image."""

import os
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, cast

from models.errors import InvalidInput, ProfileLoadFailed, RenderError
from models.render import RenderOptions
from pipelines.profile import Plan, Profile
from pipelines.registry import CPU_PROFILE, GPU_PROFILE, profile_named
from pipelines.weights import offline, store_of, verify

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelines.device import Device
    from pipelines.protocol import ReferencePipeline


def load_pipeline(
    options: RenderOptions, make_device: "Callable[[str], Device] | None" = None
) -> "ReferencePipeline":
    """Checks the device and the weights, loads the profile, and renders a warm-up image.

    `make_device` makes a device that also measures, or fails. Raises InvalidInput for an unknown profile and
    ProfileLoadFailed for everything that goes wrong after that.
    """
    prepare_process()
    name = options.profile
    try:
        profile = chosen_profile(options)
        name = profile.name
        return _load(profile, options, make_device)
    except (InvalidInput, ProfileLoadFailed):
        raise
    except RenderError as error:
        message = (
            f"The profile {name!r} can't render its warm-up image on {options.device!r}: {error.message} "
            f"It takes about {profile.memory / 1e9:.0f} GB while idle, and some for the work."
            f"{f' {profile.with_less_memory}' if profile.with_less_memory else ''}"
        )
    except ImportError as error:
        message = (
            f"The profile {name!r} needs a package that is missing here ({error}). "
            "Install the worker with `pip install '.[worker,render]'`."
        )
    except Exception as error:  # noqa: BLE001 - whatever a model's code raises, the node can't render with it
        message = (
            f"The profile {name!r} can't be loaded on {options.device!r} ({type(error).__name__}: "
            f"{str(error)[:500]}). Set LIKENESS_DEVICE to a device that this machine has, or LIKENESS_PROFILE to "
            "another profile."
        )
    raise ProfileLoadFailed(message, profile=name, device=options.device)


def _load(
    profile: Profile, options: RenderOptions, make_device: "Callable[[str], Device] | None"
) -> "ReferencePipeline":
    plan = Plan.of(profile, options)
    if profile.is_fake:
        from pipelines.fake.profile import Fake

        return Fake(plan)
    from pipelines.device import Device, pick_device, refuse_slow_cpu
    from pipelines.protocol import Setup

    # Before the weights: comparing all their bytes takes much longer.
    refuse_slow_cpu(profile, options.device)
    device = (make_device or Device)(pick_device(options.device))
    device.check_fitness(device.computes_in(profile))
    root = Path(options.weights)
    weights = tuple(
        verify(store_of(source, root), source, profile=profile.name) for source in profile.sources
    )
    pipeline = pipeline_class(profile).load(Setup(plan, device, weights))
    pipeline.warm_up()
    return pipeline


def prepare_process() -> None:
    """Switches off network access and chatter on standard error, and makes memory less fragmented. Call it before
    diffusers is imported."""
    offline()
    for library in ("DIFFUSERS", "TRANSFORMERS"):
        os.environ.setdefault(f"{library}_VERBOSITY", "error")
    os.environ.setdefault("PYTORCH_ALLOC_CONF", "expandable_segments:True")


def chosen_profile(options: RenderOptions) -> Profile:
    """The profile that the options name; `auto` depends on the device. Raises InvalidInput for an unknown name, and
    DeviceUnfit for a GPU that can't be used."""
    if options.profile != "auto":
        return profile_named(options.profile)
    from pipelines.device import pick_device, refuse_hidden_gpu

    if pick_device(options.device).startswith("cuda"):
        return profile_named(GPU_PROFILE)
    if options.device == "auto":
        refuse_hidden_gpu()
    return profile_named(CPU_PROFILE)


def pipeline_class(profile: Profile) -> "type[ReferencePipeline]":
    """The class that the profile names, imported."""
    module, _, name = profile.pipeline.partition(":")
    return cast("type[ReferencePipeline]", getattr(import_module(module), name))
