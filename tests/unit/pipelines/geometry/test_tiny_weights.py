"""The tests' weights on disk pass for fetched ones, and the stock loaders take them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.pipelines.flux2.pipeline_flux2_klein import Flux2KleinPipeline
from diffusers.pipelines.qwenimage.pipeline_qwenimage_edit_plus import QwenImageEditPlusPipeline
from diffusers.pipelines.stable_diffusion_xl.pipeline_stable_diffusion_xl import StableDiffusionXLPipeline
from transformers import CLIPTokenizer, Qwen2Tokenizer, Qwen2VLImageProcessorPil

from pipelines.geometry.tokenizers import clip_tokenizer, qwen_tokenizer
from pipelines.qwen_processor import ImageOnlyQwen2VLProcessor
from pipelines.registry import profile_named
from pipelines.weights import WeightStore, verify
from tests.support.weights.tiny_weights import FETCHED, write_tiny

LOADING: dict[str, Any] = {"local_files_only": True, "use_safetensors": True, "dtype": torch.float32}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("weights")
    for name in FETCHED:
        write_tiny(name, root)
    return root


def folder(root: Path, repository: str) -> Path:
    return root / repository.replace("/", "--")


@pytest.mark.parametrize("profile", FETCHED)
def test_they_pass_for_fetched_weights(profile: str, root: Path) -> None:
    store = WeightStore(root)
    for source in profile_named(profile).sources:
        assert store.is_fetched(source)
        assert verify(store, source).lock.files


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path, root: Path) -> None:
    write_tiny("qwen-image-edit-lightning", tmp_path)
    for source in profile_named("qwen-image-edit-lightning").sources:
        ours, theirs = (verify(WeightStore(where), source).lock for where in (tmp_path, root))
        assert ours.digest == theirs.digest


def test_klein(root: Path) -> None:
    source = folder(root, "black-forest-labs/FLUX.2-klein-4B")
    assert (source / "text_encoder" / "model.safetensors.index.json").exists()
    pipeline: Any = Flux2KleinPipeline.from_pretrained(source, **LOADING)
    assert pipeline.config.is_distilled


def test_qwen_takes_its_lora(root: Path) -> None:
    source = folder(root, "Qwen/Qwen-Image-Edit-2511")
    assert "Qwen2VLProcessor" in (source / "model_index.json").read_text()
    processor = ImageOnlyQwen2VLProcessor.load(source / "processor")
    pipeline: Any = QwenImageEditPlusPipeline.from_pretrained(source, processor=processor, **LOADING)
    linear = pipeline.transformer.transformer_blocks[0].attn.to_out[0]
    before = linear.weight.clone()
    lora = folder(root, "lightx2v/Qwen-Image-Edit-2511-Lightning")
    (file,) = lora.glob("*.safetensors")
    pipeline.load_lora_weights(lora, weight_name=file.name, local_files_only=True)
    pipeline.fuse_lora()
    pipeline.unload_lora_weights()
    assert not torch.equal(pipeline.transformer.transformer_blocks[0].attn.to_out[0].weight, before)


def test_sdxl_takes_its_adapter(root: Path) -> None:
    source = folder(root, "stabilityai/stable-diffusion-xl-base-1.0")
    pipeline: Any = StableDiffusionXLPipeline.from_pretrained(source, variant="fp16", **LOADING)
    assert pipeline.image_encoder is None
    pipeline.load_ip_adapter(
        folder(root, "h94/IP-Adapter"),
        subfolder="sdxl_models",
        weight_name="ip-adapter-plus-face_sdxl_vit-h.safetensors",
        image_encoder_folder="models/image_encoder",
        local_files_only=True,
    )
    assert pipeline.unet.encoder_hid_proj is not None


@pytest.mark.parametrize(
    ("repository", "made", "kind"),
    [
        ("Qwen/Qwen-Image-Edit-2511", qwen_tokenizer, Qwen2Tokenizer),
        ("stabilityai/stable-diffusion-xl-base-1.0", clip_tokenizer, CLIPTokenizer),
    ],
)
def test_tokenizers_in_the_old_layout_are_the_same(
    repository: str, made: Callable[[], Any], kind: Any, root: Path
) -> None:
    path = folder(root, repository) / "tokenizer"
    assert not (path / "tokenizer.json").exists()
    text = "<|im_start|>Très bien<|im_end|>"
    assert kind.from_pretrained(path, local_files_only=True)(text).input_ids == made()(text).input_ids


def test_the_processor_needs_no_torchvision(root: Path) -> None:
    source = folder(root, "Qwen/Qwen-Image-Edit-2511")
    assert "Qwen2VLImageProcessorFast" in (source / "processor" / "preprocessor_config.json").read_text()
    processor = ImageOnlyQwen2VLProcessor.load(source / "processor")
    assert type(processor.image_processor) is Qwen2VLImageProcessorPil
    assert processor.tokenizer.convert_ids_to_tokens(processor.image_token_id) == "<|image_pad|>"
    assert processor.chat_template
