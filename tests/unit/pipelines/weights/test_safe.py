"""What loads, and single models and files. The hostile folders are in test_hostile.py."""

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import StableDiffusionPipeline
from safetensors.torch import save_file
from torch.overrides import TorchFunctionMode
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection, Qwen3Config, Qwen3ForCausalLM

from models.errors import WeightsRefused
from pipelines.weights.safe import check_parameters, load_folder, load_model, read_safetensors
from tests.support.weights.tiny import ALLOWED, TEXT, edit_json, edit_tensors


class OnlyCpu(TorchFunctionMode):
    """Fails at the first call that names another device than the CPU or `meta`."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        named = [value for value in (*args, *(kwargs or {}).values()) if isinstance(value, torch.device)]
        assert {device.type for device in named} <= {"cpu", "meta"}, func
        result = func(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor):
            assert result.device.type in {"cpu", "meta"}, func
        return result


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_good_folder_loads_on_the_cpu_alone(good_weights: Path, dtype: torch.dtype) -> None:
    with OnlyCpu():
        pipeline = load_folder(StableDiffusionPipeline, good_weights, ALLOWED, dtype=dtype)
    for part in (pipeline.unet, pipeline.vae, pipeline.text_encoder):
        assert {(p.device.type, p.dtype) for p in part.parameters()} == {("cpu", dtype)}
        assert not part.training


def test_a_subclass_loads_what_names_its_stock_class(good_weights: Path) -> None:
    class Mine(StableDiffusionPipeline):  # type: ignore[misc]
        pass

    with pytest.raises(WeightsRefused, match="not a Mine"):
        load_folder(Mine, good_weights, ALLOWED, dtype=torch.float32)
    pipeline = load_folder(
        Mine, good_weights, ALLOWED, dtype=torch.float32, class_name="StableDiffusionPipeline"
    )
    assert isinstance(pipeline, Mine)


def test_a_given_component_is_used_and_its_entry_still_checked(folder: Path, good_weights: Path) -> None:
    scheduler = load_folder(StableDiffusionPipeline, good_weights, ALLOWED, dtype=torch.float32).scheduler
    given = load_folder(StableDiffusionPipeline, folder, ALLOWED, dtype=torch.float32, scheduler=scheduler)
    assert given.scheduler is scheduler
    edit_json(
        folder / "model_index.json", lambda index: index.update(scheduler=["diffusers", "DDIMScheduler"])
    )
    with pytest.raises(WeightsRefused, match="DDIMScheduler"):
        load_folder(StableDiffusionPipeline, folder, ALLOWED, dtype=torch.float32, scheduler=scheduler)


def test_a_variant_is_taken_by_its_file_names(folder: Path) -> None:
    for file in folder.rglob("*.safetensors"):
        file.rename(file.with_suffix(".fp16.safetensors"))
    assert load_folder(StableDiffusionPipeline, folder, ALLOWED, dtype=torch.float16, variant="fp16")
    with pytest.raises(WeightsRefused, match="can't be loaded"):
        load_folder(StableDiffusionPipeline, folder, ALLOWED, dtype=torch.float16)


def test_tied_weights_are_not_missing(tmp_path: Path) -> None:
    config = Qwen3Config(
        vocab_size=8,
        hidden_size=8,
        intermediate_size=8,
        num_hidden_layers=1,
        num_attention_heads=1,
        num_key_value_heads=1,
        head_dim=8,
        tie_word_embeddings=True,
    )
    Qwen3ForCausalLM(config).save_pretrained(tmp_path)
    model = load_model(Qwen3ForCausalLM, tmp_path, dtype=torch.bfloat16)
    assert model.lm_head.weight is model.model.embed_tokens.weight
    edit_tensors(tmp_path / "model.safetensors", lambda tensors: tensors.pop("model.norm.weight"))
    with pytest.raises(WeightsRefused, match=r"1 missing keys, e\.g\. model\.norm\.weight"):
        load_model(Qwen3ForCausalLM, tmp_path, dtype=torch.bfloat16)


def test_an_image_encoder(tmp_path: Path) -> None:
    config = CLIPVisionConfig(
        hidden_size=8,
        intermediate_size=8,
        projection_dim=8,
        num_hidden_layers=1,
        num_attention_heads=1,
        image_size=28,
        patch_size=14,
    )
    CLIPVisionModelWithProjection(config).save_pretrained(tmp_path)
    model = load_model(CLIPVisionModelWithProjection, tmp_path, dtype=torch.float32)
    assert model.device.type == "cpu"
    # Published encoders carry this key; the class declares that it means nothing.
    position_ids = torch.arange(5)[None]
    edit_tensors(
        tmp_path / "model.safetensors",
        lambda tensors: tensors.update({"vision_model.embeddings.position_ids": position_ids}),
    )
    load_model(CLIPVisionModelWithProjection, tmp_path, dtype=torch.float32)


def test_single_files(tmp_path: Path) -> None:
    file = tmp_path / "adapter.safetensors"
    save_file({"a": torch.ones(2), "n": torch.arange(2), "none": torch.ones(0)}, file)
    assert read_safetensors(file).keys() == {"a", "n", "none"}
    save_file({"a": torch.ones(2), "b": torch.tensor([1.0, float("-inf")], dtype=torch.float16)}, file)
    with pytest.raises(WeightsRefused, match="b that is not finite"):
        read_safetensors(file)
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(WeightsRefused, match="can't be loaded"):
        read_safetensors(file)
    file.unlink()
    with pytest.raises(WeightsRefused, match="can't be loaded"):
        read_safetensors(file)
    with pytest.raises(WeightsRefused, match=r"is not a \.safetensors file"):
        read_safetensors(tmp_path / "adapter.bin")


def test_numbers_of_every_kind_are_looked_at() -> None:
    module = torch.nn.Linear(2, 2)
    module.register_buffer("steps", torch.arange(3))
    module.register_buffer("small", torch.ones(3).to(torch.float8_e4m3fn))
    wave = torch.ones(3, dtype=torch.complex64)
    module.register_buffer("wave", wave)
    check_parameters({"part": module})
    torch.view_as_real(wave)[1] = torch.tensor([0.0, float("nan")])
    with pytest.raises(WeightsRefused, match=r"part\.wave") as caught:
        check_parameters({"part": module})
    assert caught.value.details == {"parameter": "part.wave"}
    with pytest.raises(WeightsRefused, match=r"lack part\.weight"):
        check_parameters({"part": torch.nn.Linear(2, 2, device="meta")})


def test_a_package_that_is_not_there_is_not_the_weights_fault(
    good_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise ImportError("no module named sentencepiece")

    monkeypatch.setattr(StableDiffusionPipeline, "from_pretrained", fail)
    with pytest.raises(ImportError):
        load_folder(StableDiffusionPipeline, good_weights, ALLOWED, dtype=torch.float32)


def test_the_text_encoder_may_not_come_from_elsewhere(folder: Path, good_weights: Path) -> None:
    (folder / TEXT).unlink()
    (folder / "text_encoder/adapter_config.json").write_text(
        f'{{"base_model_name_or_path": "{good_weights / "text_encoder"}"}}'
    )
    with pytest.raises(WeightsRefused, match="leads to another model"):
        load_folder(StableDiffusionPipeline, folder, ALLOWED, dtype=torch.float32)
