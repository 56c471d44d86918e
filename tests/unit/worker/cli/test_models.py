"""`likeness models` as a process, with a server that speaks the hub's API."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.registry import GATES, PROFILES, profile_named
from pipelines.sources import FACES, SAFETY, SAFETY_NAME, WATERMARK_NAME
from pipelines.weights import WeightStore, store_of
from tests.support.weights.hub_double import HubDouble, Repository
from tests.support.weights.tiny_weights import write_tiny

KLEIN = profile_named("flux2-klein").sources[0]
SDXL, ADAPTER = profile_named("sdxl-ip-adapter").sources
# Small files in place of the true ones, under names for which no hash is known.
FILES = {
    KLEIN: {"model_index.json": b"{}", "transformer/small.safetensors": b"weights"},
    SDXL: {"model_index.json": b"{}", "unet/config.json": b"{}"},
    ADAPTER: {"models/image_encoder/config.json": b"{}"},
}


@pytest.fixture
def hub() -> Iterator[HubDouble]:
    with HubDouble().serving() as server:
        for source, files in FILES.items():
            assert source.revision
            server.repositories[source.repository] = Repository({source.revision: dict(files)})
        yield server


def run(folder: Path, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("HF_", "LIKENESS_"))
    }
    return subprocess.run(
        [sys.executable, "-m", "worker", "models", *arguments],
        env=inherited
        | {
            "LIKENESS_WEIGHTS_DIR": str(folder / "weights"),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HOME": str(folder / "hub"),
        }
        | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def rows(folder: Path, **environment: str) -> dict[str, list[str]]:
    """The words of each row, by the profile or what else is fetched."""
    answer = run(folder, "list", **environment)
    assert answer.returncode == 0, answer.stderr
    lines = [line.split() for line in answer.stdout.splitlines()[1:-1]]
    return {next(word for word in words if word in {*PROFILES, *GATES}): words for words in lines}


def test_list_shows_every_profile_and_marks_what_runs_here(tmp_path: Path) -> None:
    listed = rows(tmp_path)
    assert listed.keys() == {*PROFILES, *GATES}
    assert " ".join(listed[FACES]) == "faces no 261 MB - - - MIT + Apache-2.0"
    assert " ".join(listed[WATERMARK_NAME]) == "watermark no 65 MB - - - MIT"
    assert " ".join(listed[SAFETY_NAME]) == "safety no 343 MB - - - Apache-2.0"
    assert " ".join(listed["flux2-klein"]) == "* flux2-klein no 16.0 GB 16.0 GB 1024 px 4 Apache-2.0"
    assert " ".join(listed["embedded"]) == "* embedded yes - 100 MB 512 px 2 CC0-1.0"
    assert "CreativeML-OpenRAIL++-M" in listed["sdxl-ip-adapter"]
    assert {name for name, words in listed.items() if words[0] == "*"} == {"flux2-klein", "embedded"}
    chosen = rows(tmp_path, LIKENESS_PROFILE="sdxl-ip-adapter")
    assert {name for name, words in chosen.items() if words[0] == "*"} == {"sdxl-ip-adapter"}


def test_fetch_then_verify_then_list(hub: HubDouble, tmp_path: Path) -> None:
    missing = run(tmp_path, "verify", "flux2-klein")
    assert (missing.returncode, missing.stdout) == (1, "")
    assert "WEIGHTS_MISSING" in missing.stderr
    assert "likeness models fetch flux2-klein" in missing.stderr

    fetched = run(tmp_path, "fetch", "flux2-klein", HF_ENDPOINT=hub.endpoint)
    assert fetched.returncode == 0, fetched.stderr
    lock_path = WeightStore(tmp_path / "weights").lock_path(KLEIN)
    assert str(lock_path) in fetched.stdout
    assert fetched.stdout.index(KLEIN.licence_url) < fetched.stdout.index("Downloading")

    verified = run(tmp_path, "verify", "flux2-klein")
    assert verified.returncode == 0, verified.stderr
    assert f"at commit {KLEIN.revision}, are as locked" in verified.stdout
    assert "yes" in rows(tmp_path)["flux2-klein"]

    (tmp_path / "weights" / "black-forest-labs--FLUX.2-klein-4B" / "evil.py").touch()
    refused = run(tmp_path, "verify", "flux2-klein")
    assert (refused.returncode, "WEIGHTS_REFUSED" in refused.stderr) == (1, True)


def test_the_safety_gates_model_is_taken_only_as_it_was_published(hub: HubDouble, tmp_path: Path) -> None:
    assert SAFETY.revision
    hub.repositories[SAFETY.repository] = Repository({SAFETY.revision: {"onnx/model.onnx": b"other"}})
    refused = run(tmp_path, "fetch", SAFETY_NAME, HF_ENDPOINT=hub.endpoint)
    assert (refused.returncode, "WEIGHTS_REFUSED" in refused.stderr) == (1, True)
    assert SAFETY.licence_url in refused.stdout
    assert "than was published" in refused.stderr
    assert not WeightStore(tmp_path / "weights").lock_path(SAFETY).exists()


def test_weights_that_are_not_the_published_ones_are_not_downloaded(hub: HubDouble, tmp_path: Path) -> None:
    path = "transformer/diffusion_pytorch_model.safetensors"
    assert path in KLEIN.sha256
    assert KLEIN.revision
    hub.repositories[KLEIN.repository].commits[KLEIN.revision][path] = b"other"
    refused = run(tmp_path, "fetch", "flux2-klein", HF_ENDPOINT=hub.endpoint)
    assert (refused.returncode, "WEIGHTS_REFUSED" in refused.stderr) == (1, True)
    assert path not in hub.downloads


def test_verify_doubts_a_lock_that_has_another_hash_than_was_published(tmp_path: Path) -> None:
    write_tiny("flux2-klein", tmp_path / "weights")
    refused = run(tmp_path, "verify", "flux2-klein")
    assert (refused.returncode, "WEIGHTS_REFUSED" in refused.stderr) == (1, True)
    assert "not the file that was published" in refused.stderr


def test_duties_are_told_before_the_download(hub: HubDouble, tmp_path: Path) -> None:
    hub.repositories[ADAPTER.repository].gated = True
    answer = run(tmp_path, "fetch", "sdxl-ip-adapter", HF_ENDPOINT=hub.endpoint)
    assert answer.returncode == 1
    assert "WEIGHTS_FETCH_FAILED" in answer.stderr
    assert "HF_TOKEN" in answer.stderr
    assert answer.stdout.index(SDXL.duties) < answer.stdout.index("Downloading")
    assert "partly" in rows(tmp_path)["sdxl-ip-adapter"]


def test_weights_that_are_a_part_of_the_package_are_verified_and_never_fetched(
    hub: HubDouble, tmp_path: Path
) -> None:
    fetched = run(tmp_path, "fetch", "embedded", HF_ENDPOINT=hub.endpoint)
    assert fetched.returncode == 0, fetched.stderr
    assert "CC0-1.0" in fetched.stdout
    assert "The weights of embedded are a part of this package" in fetched.stdout
    assert not hub.downloads
    assert not (tmp_path / "weights").exists()

    verified = run(tmp_path, "verify", "embedded")
    assert verified.returncode == 0, verified.stderr
    (source,) = profile_named("embedded").sources
    lock = store_of(source, tmp_path).lock(source)
    assert lock
    assert f"at commit {lock.revision}, are as locked (digest {lock.digest})" in verified.stdout


def test_a_profile_that_is_not_there(tmp_path: Path) -> None:
    for command in ("fetch", "verify"):
        unknown = run(tmp_path, command, "nope")
        assert (unknown.returncode, "VALIDATION" in unknown.stderr) == (2, True)


@pytest.mark.parametrize("arguments", [(), ("fetch", "--help"), ("bench", "--help")])
def test_help_imports_neither_torch_nor_pipelines(arguments: tuple[str, ...]) -> None:
    code = (
        "import sys\nfrom worker.cli import app\n"
        f"try: app(['models', *{arguments!r}])\n"
        "except SystemExit: pass\n"
        "print({name.partition('.')[0] for name in sys.modules} & {'torch', 'pipelines', 'huggingface_hub'})"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.endswith("set()\n")
