"""Profiles loaded from files as `likeness models fetch` leaves them."""

import math
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from models.errors import WeightsRefused
from models.render import RenderOptions
from pipelines.loading import load_pipeline
from pipelines.registry import PROFILES
from pipelines.sources import QWEN_LIGHTNING
from pipelines.weights.lock import LockedFile
from pipelines.weights.store import WeightStore
from tests.support.weights.engines import difference, references_of, render
from tests.support.weights.tiny_weights import FETCHED, write_tiny
from worker.base.settings import Settings
from worker.render import RenderProcess

MAYA = references_of("maya")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny weights of all profiles."""
    root = tmp_path_factory.mktemp("weights")
    for name in FETCHED:
        write_tiny(name, root)
    return root


def options(profile: str, weights: Path) -> RenderOptions:
    return RenderOptions(
        profile=profile, device="cpu", weights=str(weights), image_size=64, steps=2, reference_size=64
    )


@pytest.mark.parametrize("profile", FETCHED)
def test_it_loads_renders_and_names_its_weights(profile: str, weights: Path) -> None:
    engine = load_pipeline(options(profile, weights))
    kept = render(engine, MAYA, "front", "smile")  # type: ignore[arg-type]
    assert kept.images.keys() == {"front", "smile"}
    used = {weights.repository: weights.sha256 for weights in engine.info().weights}
    assert used.keys() == {source.repository for source in PROFILES[profile].sources}
    assert all(len(digest) == 64 for digest in used.values())


def test_lightning_is_the_same_model_with_its_lora_fused_in(weights: Path) -> None:
    plain, fast = (
        load_pipeline(options(name, weights)) for name in ("qwen-image-edit", "qwen-image-edit-lightning")
    )
    names = [dict(engine.pipe.transformer.named_parameters()) for engine in (plain, fast)]  # type: ignore[attr-defined]
    assert names[0].keys() == names[1].keys(), "no adapter layers are left"
    changed = [name for name in names[0] if not torch.equal(names[0][name], names[1][name])]
    assert changed
    images = [render(engine, MAYA, "front").images["front"] for engine in (plain, fast)]  # type: ignore[arg-type]
    assert difference(*images) > 2


def test_lightning_has_the_noise_schedule_that_its_lora_was_trained_with(weights: Path) -> None:
    plain, fast = (
        load_pipeline(options(name, weights)).pipe.scheduler.config  # type: ignore[attr-defined]
        for name in ("qwen-image-edit", "qwen-image-edit-lightning")
    )
    assert fast.base_shift == fast.max_shift == pytest.approx(math.log(3))
    assert fast.shift_terminal is None
    changed = {"base_shift", "max_shift", "shift_terminal"}
    assert {name for name in plain if plain[name] != fast[name] and not name.startswith("_")} == changed


def test_a_lora_for_layers_that_the_model_does_not_have_is_refused(tmp_path: Path) -> None:
    write_tiny("qwen-image-edit-lightning", tmp_path)
    store = WeightStore(tmp_path)
    (name,) = QWEN_LIGHTNING.files
    file = store.folder(QWEN_LIGHTNING) / name
    missing = "transformer_blocks.7.attn.to_q."
    tensors = {
        name.replace("transformer_blocks.0.attn.to_q.", missing): tensor
        for name, tensor in load_file(file).items()
    }
    assert any(name.startswith(missing) for name in tensors)
    save_file(tensors, file)
    # As if it had been published so: only loading can notice.
    lock = store.lock(QWEN_LIGHTNING)
    assert lock
    content = file.read_bytes()
    locked = LockedFile(sha256=sha256(content).hexdigest(), bytes=len(content))
    lock.model_copy(update={"files": {name: locked}}).write(store.lock_path(QWEN_LIGHTNING))
    with pytest.raises(WeightsRefused) as caught:
        load_pipeline(options("qwen-image-edit-lightning", tmp_path))
    assert caught.value.code == "WEIGHTS_REFUSED"
    assert "layers" in caught.value.message


def test_qwen_needs_no_torchvision(weights: Path) -> None:
    # `None` in sys.modules makes every import of it fail, wherever it is installed.
    code = f"""
import sys
sys.modules["torchvision"] = None
from pipelines.loading import load_pipeline
from models.render import RenderOptions
load_pipeline(RenderOptions.parse({options("qwen-image-edit", weights).to_json()!r}))
assert not [name for name in sys.modules if name.startswith("torchvision.")]
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=110)


def test_a_flipped_bit_ends_the_render_process_before_it_is_ready(tmp_path: Path) -> None:
    write_tiny("flux2-klein", tmp_path)
    (file,) = tmp_path.glob("*/transformer/*.safetensors")
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    process = RenderProcess(Settings(profile="flux2-klein", device="cpu", weights_dir=tmp_path))
    with pytest.raises(WeightsRefused) as caught:
        process.start()
    assert caught.value.code == "WEIGHTS_REFUSED"
    assert process.pid is None
