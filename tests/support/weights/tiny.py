"""A tiny Stable Diffusion with random weights in the diffusers folder format, and how tests load it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, EulerDiscreteScheduler, StableDiffusionPipeline, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from pipelines.profile import Source
from pipelines.weights import Lock, LockedFile, WeightStore, verify
from pipelines.weights.hashing import hash_files
from pipelines.weights.safe import check_parameters, load_folder, modules_of

REVISION = "0123456789abcdef0123456789abcdef01234567"
SOURCE = Source(
    repository="tests/tiny",
    files=("model_index.json", "*/*.json", "*/*.safetensors", "*/*.txt"),
    licence="Apache-2.0",
    licence_url="https://example.com/licence",
    download=1_000_000,
)
ALLOWED = {
    "unet": frozenset(("diffusers.UNet2DConditionModel",)),
    "vae": frozenset(("diffusers.AutoencoderKL",)),
    "scheduler": frozenset(("diffusers.EulerDiscreteScheduler",)),
    "text_encoder": frozenset(("transformers.CLIPTextModel",)),
    "tokenizer": frozenset(("transformers.CLIPTokenizer",)),
}
UNET = "unet/diffusion_pytorch_model.safetensors"
VAE = "vae/diffusion_pytorch_model.safetensors"
TEXT = "text_encoder/model.safetensors"


def build(folder: Path) -> None:
    """Write the pipeline to `folder`."""
    torch.manual_seed(0)
    words = {
        word: number for number, word in enumerate((*"abc", "a</w>", "<|startoftext|>", "<|endoftext|>"))
    }
    text = CLIPTextConfig(
        vocab_size=len(words),
        hidden_size=8,
        intermediate_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=8,
        bos_token_id=4,
        eos_token_id=5,
        pad_token_id=5,
    )
    pipeline: Any = StableDiffusionPipeline(
        vae=AutoencoderKL(block_out_channels=(4,), norm_num_groups=1, latent_channels=4),
        text_encoder=CLIPTextModel(text),
        tokenizer=CLIPTokenizer(vocab=words, merges=[], model_max_length=8),
        unet=UNet2DConditionModel(
            block_out_channels=(4,),
            layers_per_block=1,
            norm_num_groups=1,
            cross_attention_dim=8,
            attention_head_dim=2,
            down_block_types=("CrossAttnDownBlock2D",),
            up_block_types=("CrossAttnUpBlock2D",),
        ),
        scheduler=EulerDiscreteScheduler(steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(folder, safe_serialization=True)


def lock_files(store: WeightStore, source: Source = SOURCE, revision: str = REVISION) -> Lock:
    """Write a lock that names whatever is in the source's folder now."""
    folder = store.folder(source)
    sizes = {
        path.relative_to(folder).as_posix(): path.stat().st_size
        for path in folder.rglob("*")
        if path.is_file()
    }
    lock = Lock(
        repository=source.repository,
        revision=revision,
        patterns=source.files,
        files={
            path: LockedFile(sha256=digest, bytes=sizes[path])
            for path, digest in hash_files(folder, sizes).items()
        },
    )
    lock.write(store.lock_path(source))
    return lock


class DeviceDouble:
    """Stands in for a card: notes which models are sent to it."""

    def __init__(self) -> None:
        self.arrived: list[str] = []

    def connect(self) -> Callable[..., torch.nn.Module]:
        """What takes the place of `nn.Module.to`."""

        def to(module: torch.nn.Module, *args: Any, **kwargs: Any) -> torch.nn.Module:
            targets = [
                str(value) for value in (*args, *kwargs.values()) if isinstance(value, str | torch.device)
            ]
            if any(target not in {"cpu", "meta"} for target in targets):
                self.arrived.append(type(module).__name__)
            return module

        return to


def load_onto_device(store: WeightStore, **options: Any) -> StableDiffusionPipeline:
    """What a profile does: verify, load on the CPU, and only then the device, which looks at the numbers."""
    path = verify(store, SOURCE).path
    pipeline: Any = load_folder(StableDiffusionPipeline, path, ALLOWED, **{"dtype": torch.float32} | options)
    for part in (pipeline.unet, pipeline.vae, pipeline.text_encoder):
        part.to("cuda:0")
    check_parameters(modules_of(pipeline))
    assert isinstance(pipeline, StableDiffusionPipeline)
    return pipeline


def edit_json(file: Path, change: Callable[[dict[str, Any]], object]) -> None:
    document = json.loads(file.read_bytes())
    change(document)
    file.write_text(json.dumps(document))


def edit_tensors(file: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    tensors = {name: tensor.clone() for name, tensor in load_file(file).items()}
    change(tensors)
    save_file(tensors, file, metadata={"format": "pt"})
