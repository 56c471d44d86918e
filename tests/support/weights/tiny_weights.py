"""Tiny random weights of a profile, on disk as `likeness models fetch` would leave the real ones."""

import json
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKLFlux2
from diffusers.models.transformers.transformer_qwenimage import QwenImageTransformer2DModel
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from pipelines.geometry import flux2_klein, qwen_image_edit, sdxl_ip_adapter
from pipelines.geometry.random_weights import random_tensor
from pipelines.profile import Source
from pipelines.registry import PROFILES, profile_named
from pipelines.sources import ADAPTER_FILE, IMAGE_ENCODER
from pipelines.weights.lock import Lock, LockedFile, matches
from pipelines.weights.store import WeightStore

FETCHED = tuple(
    name
    for name, profile in PROFILES.items()
    if profile.sources and not any(source.shipped for source in profile.sources)
)
"""The profiles whose weights aren't a part of the package."""

REVISION = "0123456789abcdef0123456789abcdef01234567"
"""Stands for the commit where a source pins none."""

_LORA_RANK = 4


def write_tiny(profile_name: str, root: Path, seed: int = 0) -> None:
    """Write all sources of a profile under `root`, each with its lock file."""
    store = WeightStore(root)
    for source in profile_named(profile_name).sources:
        folder = store.folder(source)
        _WRITERS[source.repository](folder, source, seed)
        files = {}
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            name = path.relative_to(folder).as_posix()
            assert matches(name, source.files), f"no fetch would bring {name}"
            content = path.read_bytes()
            files[name] = LockedFile(sha256=sha256(content).hexdigest(), bytes=len(content))
        lock = Lock(
            repository=source.repository,
            revision=source.revision or REVISION,
            patterns=tuple(sorted(source.files)),
            files=files,
        )
        lock.write(store.lock_path(source))


def _write_klein(folder: Path, source: Source, seed: int) -> None:
    pipeline = flux2_klein.build("tiny", dtype=torch.bfloat16, device="cpu", seed=seed)
    pipeline.save_pretrained(folder, variant=source.variant)
    _in_several_files(pipeline, folder, "text_encoder")


def _write_small_decoder(folder: Path, source: Source, seed: int) -> None:
    shape = flux2_klein.TINY.vae
    smaller = tuple(channels // 2 for channels in shape["block_out_channels"])
    torch.manual_seed(seed)
    vae = AutoencoderKLFlux2(**shape, decoder_block_out_channels=smaller)
    vae.to(torch.bfloat16).save_pretrained(folder)


def _write_qwen(folder: Path, source: Source, seed: int) -> None:
    pipeline = qwen_image_edit.build("tiny", dtype=torch.bfloat16, device="cpu", seed=seed)
    pipeline.save_pretrained(folder, variant=source.variant)
    _in_several_files(pipeline, folder, "text_encoder", "transformer")
    # Published checkpoints name transformers' own class, which doesn't load without torchvision.
    _edit(folder / "model_index.json", processor=["transformers", "Qwen2VLProcessor"])
    _in_the_old_layout(folder / "tokenizer")
    for name in ("processor_config.json", "preprocessor_config.json"):
        if (folder / "processor" / name).exists():
            (folder / "processor" / name).unlink()
    images = json.loads(pipeline.processor.image_processor.to_json_string())
    images |= {"image_processor_type": "Qwen2VLImageProcessorFast", "processor_class": "Qwen2VLProcessor"}
    (folder / "processor" / "preprocessor_config.json").write_text(json.dumps(images, indent=2))
    (folder / "processor" / "video_preprocessor_config.json").write_text(
        json.dumps({"video_processor_type": "Qwen2VLVideoProcessor", "processor_class": "Qwen2VLProcessor"})
    )


def _write_lightning(folder: Path, source: Source, seed: int) -> None:
    transformer = qwen_image_edit.parts("tiny")["transformer"]
    assert isinstance(transformer, QwenImageTransformer2DModel)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(lightning_lora(transformer, seed), folder / source.files[0])


def lightning_lora(transformer: QwenImageTransformer2DModel, seed: int = 0) -> dict[str, Tensor]:
    """A LoRA for the linear layers that lightx2v's files cover, under the names that those have."""
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for name, layer in transformer.transformer_blocks.named_modules(prefix="transformer_blocks"):
        if isinstance(layer, nn.Linear) and "_mod." not in name:
            for end, shape in (
                ("lora_down", (_LORA_RANK, layer.in_features)),
                ("lora_up", (layer.out_features, _LORA_RANK)),
            ):
                tensors[f"{name}.{end}.weight"] = random_tensor(shape, torch.bfloat16, "cpu", generator)
            tensors[f"{name}.alpha"] = torch.tensor(float(_LORA_RANK), dtype=torch.bfloat16)
    return tensors


def _write_sdxl(folder: Path, source: Source, seed: int) -> None:
    pipeline = sdxl_ip_adapter.base("tiny", dtype=torch.float16, device="cpu", seed=seed)
    # The published folder has neither: they come with the adapter.
    pipeline.register_modules(image_encoder=None, feature_extractor=None)
    pipeline.vae.to(torch.float16)
    pipeline.save_pretrained(folder, variant=source.variant)
    _renamed(folder / "text_encoder" / "model.fp16.safetensors", lambda name: f"text_model.{name}")
    for part in ("tokenizer", "tokenizer_2"):
        _in_the_old_layout(folder / part)


def _write_ip_adapter(folder: Path, source: Source, seed: int) -> None:
    pipeline: Any = sdxl_ip_adapter.base("tiny", dtype=torch.float16, device="cpu", seed=seed)
    # Published in float32, with places that newer transformers count by themselves.
    pipeline.image_encoder.to(torch.float32).save_pretrained(folder / IMAGE_ENCODER)
    places = pipeline.image_encoder.config.image_size // pipeline.image_encoder.config.patch_size
    _renamed(
        folder / IMAGE_ENCODER / "model.safetensors",
        more={"vision_model.embeddings.position_ids": torch.arange(places**2 + 1)[None]},
    )
    tensors = sdxl_ip_adapter.adapter("tiny", pipeline.unet, dtype=torch.float16, device="cpu", seed=seed)
    (folder / ADAPTER_FILE).parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / ADAPTER_FILE)


def _renamed(file: Path, rename: Callable[[str], str] = str, more: dict[str, Tensor] | None = None) -> None:
    """Keys as they are published, which today's libraries no longer write."""
    tensors = {rename(name): tensor for name, tensor in load_file(file).items()}
    save_file(tensors | (more or {}), file, metadata={"format": "pt"})


def _in_several_files(pipeline: Any, folder: Path, *parts: str) -> None:
    """As published where a model is too large for one file: with an index."""
    for part in parts:
        shutil.rmtree(folder / part)
        model = getattr(pipeline, part)
        size = sum(weight.nbytes for weight in model.parameters())
        model.save_pretrained(folder / part, max_shard_size=size // 2)


def _in_the_old_layout(folder: Path) -> None:
    """A tokenizer as some are still published: from before there was one file for all of it."""
    whole = json.loads((folder / "tokenizer.json").read_text())
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.json").write_text(json.dumps(whole["model"]["vocab"]))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    added = {str(token.pop("id")): token for token in whole["added_tokens"]}
    _edit(folder / "tokenizer_config.json", added_tokens_decoder=added)


def _edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes, indent=2))


_WRITERS: dict[str, Callable[[Path, Source, int], None]] = {
    "black-forest-labs/FLUX.2-klein-4B": _write_klein,
    "black-forest-labs/FLUX.2-small-decoder": _write_small_decoder,
    "Qwen/Qwen-Image-Edit-2511": _write_qwen,
    "FireRedTeam/FireRed-Image-Edit-1.1": _write_qwen,
    "lightx2v/Qwen-Image-Edit-2511-Lightning": _write_lightning,
    "stabilityai/stable-diffusion-xl-base-1.0": _write_sdxl,
    "h94/IP-Adapter": _write_ip_adapter,
}
