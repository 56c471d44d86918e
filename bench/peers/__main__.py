"""Runs this worker and its peers in turns, on a device that is the bottleneck, and prints how much they add to it.

make bench-peers    # or: python -m bench.peers --rounds 3 --sides 'Likeness, gate on' 'cog, tuned'

The work is the same for all: two references from S3, four images of 1024 x 1024 that take so many seconds each on a
device (and no CPU), and PNGs to S3, which is behind a proxy that adds 50 ms to each answer. Likeness also judges,
signs, makes thumbnails, records each step and writes a manifest; the peers do nothing of the kind.

Each round is added to a file as it ends; a run that was interrupted goes on after the last one.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.peers.chart import draw
from bench.peers.results import Measured, Results, Setting
from bench.peers.sides import SIDES, Around
from bench.peers.used import free_port
from bench.slow_worker import REFERENCES, SHOTS
from worker.stack import EmbeddedStack
from worker.stack.samples import load_sample
from worker.storage import Storage

SETTINGS = (Setting(1.0, 6), Setting(0.5, 8), Setting(0.25, 12))
# Those that wait for each upload are measured at one setting: there is nothing to tell apart.
_TEMPLATES_AT = SETTINGS[1]
_ROOT = Path(__file__).parents[2]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="bench.peers")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument(
        "--latency", type=float, default=0.05, help="Seconds that each answer of S3 takes longer."
    )
    parser.add_argument("--sides", nargs="*", default=list(SIDES), choices=list(SIDES))
    parser.add_argument("--seconds", nargs="*", type=float, default=[each.seconds for each in SETTINGS])
    parser.add_argument(
        "--python", type=Path, default=_ROOT / ".venv/peers/bin/python", help="The peers' own."
    )
    parser.add_argument("--out", type=Path, default=_ROOT / "out/peers.json")
    parser.add_argument("--chart", type=Path, default=_ROOT / "docs/peers.png")
    chosen = parser.parse_args(arguments)
    results = Results(chosen.out)
    with _services(chosen.latency) as services:
        for number in range(chosen.rounds):
            for setting in (each for each in SETTINGS if each.seconds in chosen.seconds):
                # Whoever goes first meets another machine than whoever goes last.
                for name in chosen.sides[:: -1 if number % 2 else 1]:
                    is_left_out = name.endswith("template") and setting != _TEMPLATES_AT
                    if is_left_out or results.count(name, setting) > number:
                        continue
                    measured = _measure(name, setting, _around(services, setting.seconds, chosen.python))
                    results.add(name, setting, measured)
                    print(f"{name}, {setting.seconds:g} s: {measured}", flush=True)
    print(f"\n{results.table(list(SIDES), SETTINGS)}")
    draw(results, list(SIDES), SETTINGS, chosen.chart)


def _measure(name: str, setting: Setting, around: Around) -> Measured:
    kind, changes = SIDES[name]
    side = kind(around, name, changes)
    try:
        side.start()
        side.round(1)
        load, cpu = os.getloadavg()[0], side.cpu()
        took = side.round(setting.jobs)
        cpu = side.cpu() - cpu
    finally:
        side.stop()
    device = setting.jobs * len(SHOTS) * setting.seconds
    return Measured(took / device, cpu / (setting.jobs * len(SHOTS)), load)


@contextmanager
def _services(latency: float) -> Iterator[tuple[EmbeddedStack, str, list[str], Path]]:
    """The stack, the URL of its S3 behind the proxy, the references' keys, and a folder for logs."""
    with TemporaryDirectory(prefix="likeness-bench-") as data, EmbeddedStack(Path(data)) as stack:
        target = stack.s3.port
        proxy = subprocess.Popen(
            [sys.executable, "-m", "bench.peers.proxy", str(port := free_port()), str(target), str(latency)]
        )
        try:
            yield stack, f"http://127.0.0.1:{port}", _put_references(stack), Path(data)
        finally:
            proxy.kill()
            proxy.wait()


def _put_references(stack: EmbeddedStack) -> list[str]:
    source, files = load_sample("jonas")
    keys = []
    with Storage(stack.settings()) as storage:
        for number, data in enumerate(files[:REFERENCES]):
            keys.append(storage.keys.media_key(source.project_id, f"med_{number}"))
            storage.put_image(keys[-1], data, "image/webp")
    return keys


def _around(services: tuple[EmbeddedStack, str, list[str], Path], seconds: float, python: Path) -> Around:
    stack, s3_url, keys, logs = services
    environment = {
        **{name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ},
        "PATH": f"{python.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(_ROOT),
        "BENCH_SECONDS": str(seconds),
        "BENCH_PICTURES": str(_ROOT / "worker/stack/samples/jonas"),
        "BENCH_S3": s3_url,
        "BENCH_BUCKET": stack.s3.bucket,
        "BENCH_KEY": stack.s3.access_key_id,
        "BENCH_SECRET": stack.s3.secret_access_key,
    }
    return Around(stack, s3_url, keys, python, environment, seconds, logs)


if __name__ == "__main__":
    main()
