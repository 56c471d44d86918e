"""The worker of `bench.slow_worker`, which also writes down what its three processes spend their time on."""

import os
import time
from pathlib import Path
from typing import Any

from bench import slow_worker
from bench.timed import Timers

PARENT = (
    ("decode a reference", "worker.references.fetch", "decode_reference"),
    ("read a reference's marks", "worker.references.fetch", "with_mark"),
    ("encode the PNG", "worker.base.pictures", "_png"),
    ("encode the thumbnail", "worker.base.pictures", "_webp"),
    ("hide the watermark", "worker.mark.watermark.process:WatermarkProcess", "mark"),
    ("sign", "worker.mark.signer:ImageSigner", "sign"),
    ("SHA-256 of what is stored", "worker.run.imagestore", "sha256"),
    ("put an object (S3)", "worker.storage:Storage", "_put"),
    ("get an object (S3)", "worker.storage:Storage", "get"),
    ("sign a URL", "worker.storage:Storage", "url"),
    ("publish a step or a stage (Redis)", "worker.queue.jobs.store:JobStore", "update"),
    ("claim the job (Redis)", "worker.queue.jobs.store:JobStore", "claim"),
    ("end the job (Redis)", "worker.queue.jobs.store:JobStore", "complete"),
    ("send to a child process", "worker.base.children.spawned:SpawnedChild", "send"),
    ("check the references", "worker.verify.process:VerifyProcess", "check_references"),
    ("judge an image", "worker.verify.process:VerifyProcess", "judge"),
    ("make a preview", "worker.render.previews:PreviewWriter", "_keep"),
)
VERIFY = (
    ("measure an image", "pipelines.identity.gate", "take_portrait"),
    ("find faces", "pipelines.identity.dlib_faces:DlibFaces", "find"),
    ("describe a face", "pipelines.identity.dlib_faces:DlibFaces", "describe"),
    ("compare", "pipelines.identity.gate:LikenessGate", "judge"),
)
RENDER = (("send to the worker", "worker.render.child:_Teller", "_send"),)
# Between rounds the device has nothing to do.
_PAUSE = 1.0


def _time(process: str, functions: tuple[tuple[str, str, str], ...]) -> Timers:
    from importlib import import_module

    timers = Timers(Path(os.environ["BENCH_TIMES"]) / f"{process}.json")
    for name, owner, function in functions:
        module, _, kind = owner.partition(":")
        found = import_module(module)
        timers.time(name, getattr(found, kind) if kind else found, function)
    return timers


def render_main(*args: Any) -> None:
    timers = _time("render", RENDER)
    _time_gaps(timers)
    slow_worker.render_main(*args)


def _time_gaps(timers: Timers) -> None:
    """Times how long the device waits between two steps, of the same order and of two orders."""
    from worker.render import child

    work, serve = slow_worker.work, child._serve
    last, gap = 0.0, "next order"

    def timed_work(seconds: float) -> None:
        nonlocal last, gap
        began = time.perf_counter()
        if last and began - last < _PAUSE:
            timers.add(f"device waits for the {gap}", began - last, 0)
        work(seconds)
        last, gap = time.perf_counter(), "next step"
        timers.add("device works", last - began, 0)

    def timed_serve(*args: Any) -> Any:
        nonlocal gap
        gap = "next order"
        return serve(*args)

    slow_worker.work = timed_work
    child._serve = timed_serve  # type: ignore[assignment]


def verify_main(*args: Any) -> None:
    from worker.verify import child

    _time("verify", VERIFY)
    child.main(*args)


if __name__ == "__main__":
    from worker.cli import main
    from worker.render import process as render_process
    from worker.verify import process as verify_process

    _time("worker", PARENT)
    render_process.child_main = render_main  # type: ignore[assignment,attr-defined]
    verify_process.child_main = verify_main  # type: ignore[assignment,attr-defined]
    main()
