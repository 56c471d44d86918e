"""`likeness models bench`: measures how fast a profile is on this device, and how much of its memory it takes.

Random weights of the true shapes give very nearly the figures of the real ones, since a GPU takes as long for any
numbers. The exception is a cache, which skips steps by how much they change: random weights make it better or
worse.
"""

import json
import resource
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from itertools import cycle, islice
from statistics import median
from typing import Any, cast, get_args

import torch
from PIL import Image
from rich.console import Console
from rich.table import Table

from models.errors import DeviceUnfit, InvalidInput
from models.influencer import Appearance
from models.render import RenderOptions
from models.shot import DEFAULT_SHOTS, shot_named
from pipelines.device import Device, Phase, pick_device
from pipelines.geometry import TINY_SIZE, TINY_STEPS, Geometry, Scale
from pipelines.loading import chosen_profile, load_pipeline, pipeline_class, prepare_process
from pipelines.profile import Plan, Profile
from pipelines.protocol import Discard, PlannedShot, ReferencePipeline, Setup

REPEATS = 3
"""Jobs that are timed, after an untimed one."""

PHASES: tuple[Phase, ...] = get_args(Phase)


class Stopwatch(Device):
    """A device that times the phases of the work on it. It synchronises before and after each phase."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Starts all times and counts at zero."""
        self.seconds: dict[Phase, float] = dict.fromkeys(PHASES, 0.0)
        self.entered: dict[Phase, int] = dict.fromkeys(PHASES, 0)

    @contextmanager
    def phase(self, name: Phase) -> Iterator[None]:
        self.synchronize()
        begun = time.perf_counter()
        with super().phase(name):
            yield
            self.synchronize()
        with self._lock:  # decoding has a thread of its own
            self.seconds[name] += time.perf_counter() - begun
            self.entered[name] += 1


@dataclass(frozen=True, slots=True)
class Figures:
    """The measurements of whole jobs: medians over `REPEATS` of them. Times are in seconds."""

    job: float
    phases: dict[Phase, float]
    """Decoding runs beside the next batch's denoising, so together they may exceed the job's time. Empty where the
    pipeline doesn't report phases."""
    batches: int | None
    """How many times the denoiser was called for a job: as few as the device's memory allowed."""
    memory: int
    """Peak bytes allocated on the device; on a CPU, by the whole process."""


def run(
    options: RenderOptions, *, random: bool, scale: Scale, images: int, references: int, as_json: bool = False
) -> None:
    """Measures jobs of `images` shots with that many references, and prints a table, or a line of JSON: times in
    seconds, sides in pixels, memory in bytes.

    Raises InvalidInput for options that don't go together, and ProfileLoadFailed (DeviceUnfit is one) for what
    can't run here.
    """
    prepare_process()
    profile = chosen_profile(options)
    if random and profile.geometry is None:
        raise InvalidInput(
            f"The profile {profile.name!r} has no shape to fill with random weights. Leave --random out."
        )
    if scale == "tiny":
        if not random:
            raise InvalidInput("There are no tiny weights to load: use --scale tiny together with --random.")
        options = _tiny(options)
    plan = Plan.of(profile, options)
    pipeline, watch = _random(plan, options, scale) if random else _loaded(options)
    shown = min(references, profile.most_references)
    # Each job gets new references, because a pipeline may keep what it computed from those of the last one.
    jobs = iter(
        [[_picture(plan.reference_size, number) for number in range(shown)] for _ in range(1 + REPEATS)]
    )
    names = islice(cycle(DEFAULT_SHOTS), images)
    shots = [PlannedShot(shot_named(name), seed) for seed, name in enumerate(names)]
    figures = measure(lambda: pipeline.render(next(jobs), Appearance(), shots, Discard()), watch=watch)
    info = pipeline.info()
    found = {
        "profile": profile.name,
        "weights": f"random, {scale} scale" if random else "real",
        "device": info.device,
        "dtype": info.dtype,
        "options": dict(info.options),
        "side": plan.size,
        "steps": plan.steps,
        "references": shown,
        "referenceSide": plan.reference_size,
        "images": images,
        "batches": figures.batches or images,
        "secondsPerImage": figures.job / images,
        "stepsPerSecond": images * plan.steps / figures.phases.get("denoise", figures.job),
        "phaseSeconds": figures.phases,
        "peakMemory": figures.memory,
        "memoryIsTheDevices": watch.is_accelerator,
        "versions": dict(sorted(info.versions.items())),
    }
    if as_json:
        sys.stdout.write(json.dumps(found) + "\n")
    else:
        _print(found)


def _print(found: dict[str, Any]) -> None:
    of_what = "" if found["memoryIsTheDevices"] else " (whole process)"
    rows = {
        **{name: found[name] for name in ("profile", "weights", "device", "dtype")},
        "options": ", ".join(f"{name} {value}" for name, value in found["options"].items()) or "none",
        "size": f"{found['side']} px",
        "steps": f"{found['steps']}",
        "references": f"{found['references']} of {found['referenceSide']} px",
        "images a job": f"{found['images']}",
        "batches a job": f"{found['batches']}",
        "time per image": f"{found['secondsPerImage']:.3f} s",
        "steps/s, of all images": f"{found['stepsPerSecond']:.2f}",
        **{f"{name}, a job": f"{seconds:.3f} s" for name, seconds in found["phaseSeconds"].items()},
        "peak memory": f"{found['peakMemory'] / 1e9:.2f} GB{of_what}",
        "versions": ", ".join(f"{name} {number}" for name, number in found["versions"].items()),
    }
    table = Table(box=None, show_header=False)
    for name, value in rows.items():
        table.add_row(name, value)
    Console().print(table)


def measure(job: Callable[[], None], *, watch: Stopwatch) -> Figures:
    """Runs the job once to warm up and then `REPEATS` times."""
    job()
    watch.reset_peak_memory()
    took: list[float] = []
    phases: dict[Phase, list[float]] = {name: [] for name in PHASES}
    for _ in range(REPEATS):
        watch.reset()
        begun = time.perf_counter()
        job()
        watch.synchronize()
        took.append(time.perf_counter() - begun)
        for name, seconds in watch.seconds.items():
            phases[name].append(seconds)
    # Linux counts it in KiB.
    process = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Figures(
        job=median(took),
        phases={name: median(seconds) for name, seconds in phases.items()}
        if watch.entered["denoise"]
        else {},
        batches=watch.entered["denoise"] or None,
        memory=watch.peak_memory() or process,
    )


def _loaded(options: RenderOptions) -> tuple[ReferencePipeline, Stopwatch]:
    """The profile with its weights, as a worker would have it."""
    made: list[Stopwatch] = []

    def make(name: str) -> Stopwatch:
        made.append(Stopwatch(name))
        return made[-1]

    return load_pipeline(options, make), made[-1]


def _random(plan: Plan, options: RenderOptions, scale: Scale) -> tuple[ReferencePipeline, Stopwatch]:
    """The profile with random weights, made on the device."""
    profile = plan.profile
    assert profile.geometry is not None
    from pipelines.diffusion.engine import dtype_for

    watch = Stopwatch(pick_device(options.device))
    setup = Setup(plan, watch)
    geometry = cast("Geometry", import_module(profile.geometry))
    if scale == "full":
        _check_room(profile, watch, geometry)
    engine: Any = pipeline_class(profile)
    try:
        pipeline = geometry.build(
            scale, dtype=dtype_for(setup), device=watch.torch, pipeline_class=engine.pipeline_class
        )
        return engine(pipeline, setup), watch
    except torch.OutOfMemoryError as error:
        reason = str(error)[:300]
    raise DeviceUnfit(
        f"The profile {profile.name!r} doesn't fit {watch.description}: {reason} Free it of other processes.",
        profile=profile.name,
        device=str(watch),
    )


def _check_room(profile: Profile, device: Device, geometry: Geometry) -> None:
    """Raises DeviceUnfit if the full shape can't run here in reasonable time or memory."""
    on_gpu = geometry.memory("full", getattr(torch, profile.dtype))
    total = device.total_memory()
    if not device.is_accelerator:
        on_cpu = geometry.memory("full", torch.float32)
        reason = f"{on_cpu / 1e9:.0f} GB on a CPU, where an image would take from many minutes to hours"
    elif total is not None and on_gpu > total:
        reason = f"{device.description} has {total / 1e9:.0f} GB"
    else:
        return
    raise DeviceUnfit(
        f"At full scale, the weights of {profile.name!r} alone take {on_gpu / 1e9:.0f} GB on a GPU, and {reason}. "
        "Run this on a GPU with that much memory, or add --scale tiny: that runs here.",
        profile=profile.name,
        device=str(device),
        bytes=on_gpu,
    )


def _tiny(options: RenderOptions) -> RenderOptions:
    """The options, with the tiny shape's figures where the operator gave none."""
    return options.model_copy(
        update={
            "image_size": options.image_size or TINY_SIZE,
            "reference_size": options.reference_size or TINY_SIZE,
            "steps": options.steps or TINY_STEPS,
        }
    )


def _picture(side: int, number: int) -> Image.Image:
    """A square picture of noise: only its size affects the cost."""
    return Image.effect_noise((side, side), 20 + 10 * number).convert("RGB")
