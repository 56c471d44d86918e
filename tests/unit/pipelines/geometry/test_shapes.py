"""The full shapes are the published models': their weights are counted, and counting costs no memory."""

from importlib import import_module
from typing import cast

import pytest
import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

from pipelines.geometry import Geometry, ip_adapter, sdxl_ip_adapter
from pipelines.geometry.random_weights import parameters, size_in_bytes
from pipelines.profile import Profile
from pipelines.registry import PROFILES

BF16, FP16, FP32 = torch.bfloat16, torch.float16, torch.float32

# How many weights, and the published files' size in bytes: their weights and a header of some kB.
PUBLISHED = {
    "flux2_klein": {
        "transformer": (3_875_544_576, BF16, 7_751_109_744),
        "text_encoder": (4_022_468_096, BF16, 4_967_215_360 + 3_077_766_632),  # Qwen3-4B
        "vae": (84_046_115, BF16, 168_120_878),
    },
    "qwen_image_edit": {
        "transformer": (
            20_430_401_088,
            BF16,
            9_973_578_592 + 9_987_326_072 + 9_987_307_440 + 9_930_685_712 + 982_130_472,
        ),
        "text_encoder": (  # Qwen2.5-VL-7B
            8_292_166_656,
            BF16,
            4_968_243_304 + 4_991_495_816 + 4_932_751_040 + 1_691_924_384,
        ),
        "vae": (126_892_531, BF16, 253_806_966),
    },
    "sdxl_ip_adapter": {
        "unet": (2_567_463_684, FP16, 5_135_149_760),
        "text_encoder": (123_060_480, FP16, 246_144_152),  # CLIP-L
        "text_encoder_2": (694_659_840, FP16, 1_389_382_176),  # OpenCLIP bigG
        "image_encoder": (632_076_800, FP32, 2_528_373_448),  # OpenCLIP ViT-H
        "vae": (83_653_863, FP16, 167_335_342),
    },
}


def geometry(name: str) -> Geometry:
    return cast("Geometry", import_module(f"pipelines.geometry.{name}"))


@pytest.mark.parametrize("name", PUBLISHED)
def test_full_shapes_are_the_published_ones(name: str) -> None:
    models = geometry(name).parts("full")
    counts = {part: count for part, (count, _, _) in PUBLISHED[name].items()}
    assert {part: parameters(model) for part, model in models.items()} == counts
    assert all(weight.is_meta for model in models.values() for weight in model.parameters())
    for part, (count, dtype, size) in PUBLISHED[name].items():
        tensors = len(models[part].state_dict())
        assert 0 < size - count * dtype.itemsize < 200 * tensors


def test_the_adapter_has_the_size_of_the_published_file() -> None:
    unet = sdxl_ip_adapter.parts("full")["unet"]
    assert isinstance(unet, UNet2DConditionModel)
    tensors = ip_adapter.shapes(sdxl_ip_adapter.FULL.resampler, unet)
    # Of `ip-adapter-plus-face_sdxl_vit-h.safetensors`: 847,517,512 bytes, its header included.
    header = 847_517_512 - 2 * ip_adapter.parameters(sdxl_ip_adapter.FULL.resampler, unet)
    assert 0 < header < 200 * len(tensors)


def test_memory_counts_every_weight_once() -> None:
    assert geometry("flux2_klein").memory("full", BF16) == 15_964_117_574
    assert geometry("qwen_image_edit").memory("full", BF16) == 57_698_920_550
    # The autoencoder is in float32, and the adapter's 424 million come on top.
    assert geometry("sdxl_ip_adapter").memory("full", FP16) == 9_216_634_788


@pytest.mark.parametrize("profile", [profile for profile in PROFILES.values() if profile.geometry])
def test_profiles_say_about_what_the_geometry_counts(profile: Profile) -> None:
    module = cast("Geometry", import_module(str(profile.geometry)))
    dtype = getattr(torch, profile.dtype)
    counted, parts = module.memory("full", dtype), module.parts("full")
    counted -= size_in_bytes([parts[name] for name in profile.guests], dtype)
    if profile.quantize:
        counted -= size_in_bytes([parts["transformer"]], dtype) // 2
    assert counted == pytest.approx(profile.memory, rel=0.12)
