"""Files that stock loaders take what they know from, and say nothing of the rest: IP-Adapters and LoRAs.

The locks are made of the hostile files, as if they had been published so: only loading can notice.
"""

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import DiffusionPipeline
from safetensors.torch import load_file, save_file
from torch import Tensor

from models.errors import WeightsRefused
from models.render import RenderOptions
from pipelines.device import Device
from pipelines.loading import load_pipeline
from tests.support.weights.tiny_weights import write_tiny

Tensors = dict[str, Tensor]
ADAPTER, LORA = "sdxl-ip-adapter", "qwen-image-edit-lightning"
FILES = {ADAPTER: "h94--IP-Adapter/sdxl_models/*.safetensors", LORA: "lightx2v--*/*.safetensors"}


def without(part: str) -> Callable[[Tensors], Tensors]:
    """The first tensor with that in its name is left out."""
    return lambda tensors: {
        name: tensors[name] for name in tensors if name != min(n for n in tensors if part in n)
    }


def with_extra(name: str) -> Callable[[Tensors], Tensors]:
    return lambda tensors: tensors | {name: torch.ones(1)}


def with_infinity(tensors: Tensors) -> Tensors:
    name = min(tensors)
    return tensors | {name: torch.full_like(tensors[name], float("inf"))}


@pytest.mark.parametrize(
    ("profile", "change"),
    [
        pytest.param(ADAPTER, without("to_k_ip"), id="adapter without a projection"),
        pytest.param(ADAPTER, without("layers.0.1.1"), id="adapter without a layer"),
        pytest.param(ADAPTER, with_extra("image_proj.extra"), id="adapter with more than it should have"),
        pytest.param(ADAPTER, with_extra("other.weight"), id="adapter with a third part"),
        pytest.param(ADAPTER, with_infinity, id="adapter with infinite weights"),
        pytest.param(LORA, without("lora_up"), id="half a LoRA layer"),
        pytest.param(LORA, without("alpha"), id="LoRA layer without its strength"),
        pytest.param(LORA, with_extra("transformer_blocks.0.other"), id="LoRA with more than it should have"),
        pytest.param(LORA, with_infinity, id="LoRA with infinite weights"),
    ],
)
def test_it_is_refused_before_a_weight_reaches_the_device(
    profile: str, change: Callable[[Tensors], Tensors], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tiny(profile, tmp_path)
    (file,) = tmp_path.glob(FILES[profile])
    save_file(change(load_file(file)), file)
    _lock(tmp_path, file)
    moved: list[object] = []

    def watched(pipe: Any, *where: object) -> Any:
        moved.append(where)
        return pipe

    monkeypatch.setattr(DiffusionPipeline, "to", watched)
    options = RenderOptions(profile=profile, device="cpu", weights=str(tmp_path), image_size=64, steps=2)
    with pytest.raises(WeightsRefused) as caught:
        load_pipeline(options, Device)
    assert caught.value.code == "WEIGHTS_REFUSED"
    assert "Fetch" in caught.value.message or "refused" in caught.value.message
    assert not moved


def _lock(root: Path, file: Path) -> None:
    folder = root / file.relative_to(root).parts[0]
    lock_path = root / f"{folder.name}.lock.json"
    lock = json.loads(lock_path.read_text())
    content = file.read_bytes()
    lock["files"][file.relative_to(folder).as_posix()] = {
        "sha256": sha256(content).hexdigest(),
        "bytes": len(content),
    }
    lock_path.write_text(json.dumps(lock))
