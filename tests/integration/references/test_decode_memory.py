"""How much memory the largest pictures take that are let in, by format. Each has a process of its own, as it has in
production, and what is measured is all of that process."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from models.errors import (
    ReferenceDecodeHung,
    ReferenceNotAnImage,
    ReferenceTooLarge,
    Unforeseen,
    UnusableReference,
)
from tests.support.pictures.large_pictures import (
    avif,
    bmp_of_runs,
    gif,
    jpeg,
    lossless_webp,
    lossy_webp,
    multi_scan_jpeg,
    one_strip_tiff,
    png,
    tiff,
)
from worker.base.settings import Settings
from worker.references import decode_apart as apart_module
from worker.references.decode import decode_here, decode_reference
from worker.references.decode_apart import decode_apart
from worker.references.limits import DecodeLimits

MEBI = 1024 * 1024
MOST = 400_000_000
LIMITS = DecodeLimits.from_settings(Settings())
SIDE = 8000
"""Of a square at the cap on pixels."""

# What a worker runs for one picture, and then its peak.
CHILD = """
import sys
from worker.references import decode_child

decode_child.main()
with open("/proc/self/status") as status:
    print(next(line.split()[1] for line in status if line.startswith("VmHWM")), file=sys.stderr)
"""
# By how much a picture that isn't put apart raises its caller's peak.
HERE = """
import pathlib, sys
from worker.references.decode import decode_reference
from worker.references.limits import DecodeLimits
from worker.base.settings import Settings

def memory(field):
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))

limits = DecodeLimits.from_settings(Settings())
data = [pathlib.Path(path).read_bytes() for path in sys.argv[1:]]
decode_reference(data[0], limits)
pathlib.Path("/proc/self/clear_refs").write_text("5")
before = memory("VmRSS")
decode_reference(data[1], limits)
print(memory("VmHWM") - before)
"""

LARGEST: dict[str, Callable[[], bytes]] = {
    "png of 1 bit with a clear colour": lambda: png("1", SIDE, clear=b"\0\0"),
    "png of 16 bits": lambda: png("I;16", SIDE),
    "png of 8 bits, grey and clear": lambda: png("LA", SIDE),
    "png of a palette, clear": lambda: png("P", SIDE, clear=b"\0"),
    "png of 16 bits a channel, clear": lambda: png("RGBA", SIDE, wide=True),
    "animated png": lambda: png("RGBA", SIDE, animated=True),
    "jpeg": lambda: jpeg("RGB", SIDE),
    "progressive jpeg": lambda: jpeg("RGB", SIDE, progressive=True),
    "progressive jpeg, not subsampled": lambda: jpeg("RGB", 6800, progressive=True, sampling=0),
    "jpeg in a scan for each component": lambda: multi_scan_jpeg(6800),
    "lossless webp": lambda: lossless_webp(4000),
    "lossy webp": lambda: lossy_webp(4000),
    "animated webp": lambda: lossy_webp(4000, animated=True),
    "gif with a clear colour": lambda: gif(SIDE, clear=True),
    "tiff of floats": lambda: tiff("F", SIDE),
    "tiff in L*a*b*": lambda: tiff("LAB", SIDE),
    "tiff in one strip of 16 bits": lambda: one_strip_tiff(5600, 3, 16),
    "avif": lambda: avif(4000, "RGBA", subsampling="4:4:4"),
}
REFUSED: dict[str, Callable[[], bytes]] = {
    # 28 bytes, of which two at once ended an API process with 2 GiB.
    "lossless webp": lambda: lossless_webp(SIDE),
    "progressive jpeg, not subsampled": lambda: jpeg("RGB", 7200, progressive=True, sampling=0),
    "progressive jpeg in four inks": lambda: jpeg("CMYK", 6400, progressive=True, sampling=0),
    "jpeg in a scan for each component": lambda: multi_scan_jpeg(SIDE),
    "tiff in one strip of 16 bits": lambda: one_strip_tiff(SIDE, 3, 16),
    "avif": lambda: avif(4200),
}


def decoded_apart(data: bytes) -> tuple[dict[str, Any], int]:
    """The child's answer, and the bytes that it had at its peak."""
    head = json.dumps({"length": len(data), "limits": asdict(LIMITS)}).encode() + b"\n"
    done = subprocess.run(
        [sys.executable, "-c", CHILD],
        input=head + data,
        capture_output=True,
        check=True,
        env=os.environ | {"MALLOC_ARENA_MAX": "1"},
        timeout=100,
    )
    return json.loads(done.stdout.partition(b"\n")[0]), int(done.stderr) * 1024


@pytest.mark.parametrize("name", LARGEST)
def test_the_largest_of_each_format_keeps_within_the_bound(name: str) -> None:
    answer, peak = decoded_apart(LARGEST[name]())

    assert answer == {"width": 1536, "height": 1536}
    assert peak < MOST


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_exceed_it_is_refused_by_its_header(name: str) -> None:
    data = REFUSED[name]()

    with pytest.raises(ReferenceTooLarge, match="MiB of memory to decode") as caught:
        decode_reference(data, LIMITS)

    assert "8000x8000" in caught.value.message or "00 pixels" in caught.value.message


@pytest.mark.parametrize(
    "build", [lambda: lossless_webp(1800), lambda: png("RGBA", 4000), lambda: bmp_of_runs(700)]
)
def test_what_is_decoded_in_the_callers_process_costs_it_little(
    build: Callable[[], bytes], tmp_path: Path
) -> None:
    (tmp_path / "warm-up").write_bytes(png("RGB", 100))
    (tmp_path / "large").write_bytes(build())

    done = subprocess.run(
        [sys.executable, "-c", HERE, str(tmp_path / "warm-up"), str(tmp_path / "large")],
        capture_output=True,
        check=True,
        timeout=60,
    )

    assert int(done.stdout) < 100 * MEBI


def test_the_kernel_holds_the_bound_whatever_a_header_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """A child that takes a picture which the headers' rules would have refused."""
    lax = CHILD.replace(
        "decode_child.main()", "decode.memory_to_load = lambda *_: 0\ndecode_child.main()"
    ).replace("import decode_child", "import decode, decode_child")
    monkeypatch.setitem(globals(), "CHILD", lax)
    for data in (lossless_webp(SIDE), one_strip_tiff(SIDE, 3, 16), avif(6000, "RGBA")):
        answer, peak = decoded_apart(data)
        assert answer["code"] in ("REFERENCE_TOO_LARGE", "REFERENCE_NOT_AN_IMAGE")
        assert peak < MOST


def test_apart_is_the_same_as_here() -> None:
    for data in (png("RGB", 300), jpeg("RGB", 300), tiff("F", 300)):
        assert decode_apart(data, LIMITS).tobytes() == decode_here(data, LIMITS).tobytes()
    with pytest.raises(ReferenceNotAnImage):
        decode_apart(b"nothing", LIMITS)


def test_a_decoder_that_hangs_or_breaks_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def becomes(name: str, source: str) -> None:
        (tmp_path / f"{name}.py").write_text(source)
        monkeypatch.setattr(apart_module, "_CHILD", name)

    becomes("hanging", "import time\ntime.sleep(600)")
    with pytest.raises(ReferenceDecodeHung):
        decode_apart(b"", DecodeLimits(1, 1, 1, 1, timeout=0.5))
    becomes("crashing", "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)")
    with pytest.raises(ReferenceNotAnImage, match="signal 11"):
        decode_apart(b"", LIMITS)
    becomes("killed", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(ReferenceTooLarge):
        decode_apart(b"", LIMITS)
    becomes("exiting", "raise SystemExit(3)")
    with pytest.raises(Unforeseen, match="exit code 3"):
        decode_apart(b"", LIMITS)


def test_the_decoder_has_no_secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "odd_child.py").write_text(
        "import json, os, sys\n"
        'told = {"code": "REFERENCE_UNUSABLE", "message": "", "details": dict(os.environ)}\n'
        "print(json.dumps(told))"
    )
    monkeypatch.setattr(apart_module, "_CHILD", "odd_child")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("LIKENESS_S3_SECRET_ACCESS_KEY", "hidden")

    with pytest.raises(UnusableReference) as caught:
        decode_apart(b"", LIMITS)

    assert "PYTHONPATH" in caught.value.details
    assert "hidden" not in str(caught.value.details)
