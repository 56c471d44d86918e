"""Hostile and broken folders: each is refused with its code before a weight reaches the device.

Each is tried with the lock of the good folder (nothing but the locked bytes passes) or with a lock made of the
hostile one (somebody fetched it so, or had the lock too): then the loader itself must refuse.
"""

import pickle
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from models.errors import ProfileLoadFailed, WeightsMissing, WeightsRefused
from pipelines.weights import WeightStore, verify
from tests.support.weights.tiny import (
    SOURCE,
    TEXT,
    UNET,
    VAE,
    DeviceDouble,
    edit_json,
    edit_tensors,
    load_onto_device,
    lock_files,
)


class Exploit:
    """Pickled, it runs when it is read. It leaves a file as its trace."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.trace,)


def test_the_good_folder_loads_and_the_device_double_sees_it(
    store: WeightStore, device: DeviceDouble
) -> None:
    pipeline = load_onto_device(store)
    assert {parameter.device.type for parameter in pipeline.unet.parameters()} == {"cpu"}
    assert set(device.arrived) == {"UNet2DConditionModel", "AutoencoderKL", "CLIPTextModel"}


def test_a_pickle_in_place_of_safetensors(store: WeightStore, folder: Path, device: DeviceDouble) -> None:
    trace = store.root / "executed"
    (folder / UNET).unlink()
    (folder / UNET).with_suffix(".bin").write_bytes(pickle.dumps(Exploit(trace)))
    for relock in (False, True):
        if relock:
            edit_json(store.lock_path(SOURCE), lambda lock: lock["files"].pop(UNET))
        with pytest.raises(ProfileLoadFailed):
            load_onto_device(store)
    with pytest.raises(WeightsRefused, match=r"\.bin is of a type that is never loaded"):
        load_onto_device(store)
    assert not trace.exists()
    assert device.arrived == []


def test_the_loader_reads_no_pickle_even_unverified(folder: Path, tmp_path: Path) -> None:
    from diffusers import StableDiffusionPipeline

    from pipelines.weights.safe import load_folder
    from tests.support.weights.tiny import ALLOWED

    for file in (UNET, TEXT):
        (folder / file).rename((folder / file).with_suffix(".keep"))
        (folder / file).with_suffix(".bin").write_bytes(pickle.dumps(Exploit(tmp_path / "executed")))
        with pytest.raises(WeightsRefused, match="can't be loaded"):
            load_folder(StableDiffusionPipeline, folder, ALLOWED, dtype=torch.float32)
        (folder / file).with_suffix(".keep").rename(folder / file)
    assert not (tmp_path / "executed").exists()


def flip_a_bit(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[-3] ^= 1
    file.write_bytes(data)


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-100])


def with_name(class_name: str) -> Callable[[Path], None]:
    return lambda folder: edit_json(
        folder / "model_index.json", lambda index: index.update(_class_name=class_name)
    )


def with_component(name: str, library: str, kind: str) -> Callable[[Path], None]:
    return lambda folder: edit_json(
        folder / "model_index.json", lambda index: index.update({name: [library, kind]})
    )


def split_with_index(folder: Path, shard: str) -> None:
    """Turn the denoiser into one of several files, whose index names `shard`."""
    index = folder / f"{UNET}.index.json"
    index.write_text("{}")
    edit_json(index, lambda document: document.update(metadata={}, weight_map={"conv_in.weight": shard}))
    (folder / UNET).unlink()


def nan_in(tensors: dict[str, torch.Tensor]) -> None:
    next(iter(tensors.values())).view(-1)[0] = float("nan")


def infinity_in(tensors: dict[str, torch.Tensor]) -> None:
    next(iter(tensors.values())).view(-1)[-1] = float("inf")


CHANGED: dict[str, tuple[Callable[[Path], object], str]] = {
    "a flipped bit": (lambda folder: flip_a_bit(folder / UNET), "other content"),
    "a truncated file": (lambda folder: truncate(folder / UNET), "bytes, and the lock says"),
    "an extra file": (
        lambda folder: shutil.copy(folder / UNET, folder / "unet/other.safetensors"),
        "not named",
    ),
    "a changed configuration": (
        lambda folder: edit_json(folder / "unet/config.json", lambda config: config.update(sample_size=9)),
        "bytes, and the lock says",
    ),
}


@pytest.mark.parametrize("case", CHANGED)
def test_other_bytes_than_the_lock_says(
    case: str, store: WeightStore, folder: Path, device: DeviceDouble
) -> None:
    change, reason = CHANGED[case]
    change(folder)
    with pytest.raises(WeightsRefused, match=reason) as caught:
        load_onto_device(store)
    assert (caught.value.code, device.arrived) == ("WEIGHTS_REFUSED", [])


LOCKED: dict[str, tuple[Callable[[Path], object], str]] = {
    "a pickle by another name": (
        lambda folder: (folder / UNET).write_bytes(pickle.dumps(Exploit(folder / "executed"))),
        "can't be loaded",
    ),
    "a pickle by another name (transformers)": (
        lambda folder: (folder / TEXT).write_bytes(pickle.dumps(Exploit(folder / "executed"))),
        "can't be loaded",
    ),
    "a pickle beside": (
        lambda folder: (folder / "unet/extra.pkl").write_bytes(pickle.dumps(Exploit(folder / "executed"))),
        "type that is never loaded",
    ),
    "a checkpoint beside": (lambda folder: (folder / "model.ckpt").touch(), "type that is never loaded"),
    "code beside": (
        lambda folder: (folder / "pipeline.py").write_text("raise SystemExit"),
        "type that is never loaded",
    ),
    "a truncated file": (lambda folder: truncate(folder / UNET), "can't be loaded"),
    "a truncated file (transformers)": (lambda folder: truncate(folder / TEXT), "can't be loaded"),
    "a file that isn't there": (lambda folder: (folder / VAE).unlink(), "can't be loaded"),
    "a file that isn't there (transformers)": (lambda folder: (folder / TEXT).unlink(), "can't be loaded"),
    "a missing key": (
        lambda folder: edit_tensors(folder / UNET, lambda tensors: tensors.pop("conv_in.bias")),
        r"missing keys, e\.g\. conv_in\.bias",
    ),
    "a missing key (transformers)": (
        lambda folder: edit_tensors(folder / TEXT, lambda tensors: tensors.pop(min(tensors))),
        "1 missing keys",
    ),
    "an unexpected key": (
        lambda folder: edit_tensors(folder / VAE, lambda tensors: tensors.update(extra=torch.ones(1))),
        r"unexpected keys, e\.g\. extra",
    ),
    "an unexpected key (transformers)": (
        lambda folder: edit_tensors(folder / TEXT, lambda tensors: tensors.update(extra=torch.ones(1))),
        r"unexpected keys, e\.g\. .*extra",
    ),
    "a wrong shape": (
        lambda folder: edit_tensors(
            folder / UNET, lambda tensors: tensors.update({"conv_in.bias": torch.ones(5)})
        ),
        "shape",
    ),
    "a wrong shape (transformers)": (
        lambda folder: edit_tensors(
            folder / TEXT,
            lambda tensors: tensors.update(
                {name: torch.ones(5) for name in tensors if "layer_norm1.bias" in name}
            ),
        ),
        r"1 mismatched keys, e\.g\. .*layer_norm1\.bias",
    ),
    "broken JSON": (lambda folder: (folder / "unet/config.json").write_text("{"), "is not JSON"),
    "deep JSON": (lambda folder: (folder / "unet/config.json").write_text("[" * 100_000), "is not JSON"),
    "a broken index": (lambda folder: (folder / "model_index.json").write_text("[]"), "without names"),
    "another pipeline": (with_name("StableDiffusionXLPipeline"), "StableDiffusionXLPipeline"),
    "a pipeline of the folder's own": (with_name("MyPipeline"), "MyPipeline"),
    "another library": (with_component("unet", "os", "system"), "no class of a known library"),
    "code in the folder": (with_component("unet", "unet", "Mine"), "no class of a known library"),
    "another class": (with_component("unet", "diffusers", "UNet2DModel"), "not on the profile's list"),
    "another component": (
        with_component("extra", "transformers", "CLIPTextModel"),
        "not on the profile's list",
    ),
    "no denoiser": (
        lambda folder: edit_json(folder / "model_index.json", lambda index: index.update(unet=[None, None])),
        "can't be loaded",
    ),
    "a class of its own": (
        lambda folder: edit_json(
            folder / "text_encoder/config.json",
            lambda config: config.update(auto_map={"AutoModel": "model.Mine"}),
        ),
        "auto_map",
    ),
    "a class of its own, deep down": (
        lambda folder: edit_json(
            folder / "tokenizer/tokenizer_config.json",
            lambda config: config.update(more=[{"auto_map": ["tokenizer.Mine", None]}]),
        ),
        "auto_map",
    ),
    "compiled code from the hub": (
        lambda folder: edit_json(
            folder / "text_encoder/config.json",
            lambda config: config.update(attn_implementation="evil/kernel"),
        ),
        "compiled code",
    ),
    "a model elsewhere": (
        lambda folder: (folder / "text_encoder/adapter_config.json").write_text(
            '{"base_model_name_or_path": "elsewhere"}'
        ),
        "leads to another model",
    ),
    "a shard outside": (
        lambda folder: split_with_index(folder, "../../outside.safetensors"),
        "not beside it",
    ),
    "a shard that is a pickle": (lambda folder: split_with_index(folder, "model.bin"), "can't be loaded"),
    "a shard that is missing": (lambda folder: split_with_index(folder, "a.safetensors"), "can't be loaded"),
}


@pytest.mark.parametrize("case", LOCKED)
def test_hostile_content_under_a_lock_of_its_own(
    case: str, store: WeightStore, folder: Path, device: DeviceDouble
) -> None:
    change, reason = LOCKED[case]
    change(folder)
    with suppress(ValueError):  # no lock can name such a file
        lock_files(store)
    with pytest.raises(WeightsRefused, match=reason) as caught:
        load_onto_device(store)
    assert caught.value.code == "WEIGHTS_REFUSED"
    assert device.arrived == []
    assert not (folder / "executed").exists()


@pytest.mark.parametrize(("file", "change"), [(UNET, nan_in), (TEXT, infinity_in)])
def test_numbers_that_are_not_finite_are_found_on_the_device(
    file: str,
    change: Callable[[dict[str, torch.Tensor]], None],
    store: WeightStore,
    folder: Path,
    device: DeviceDouble,
) -> None:
    edit_tensors(folder / file, change)
    lock_files(store)
    with pytest.raises(WeightsRefused, match="not finite"):
        load_onto_device(store)
    assert device.arrived


def test_links(store: WeightStore, folder: Path, device: DeviceDouble, tmp_path: Path) -> None:
    (folder / UNET).rename(tmp_path / "outside.safetensors")
    (folder / UNET).symlink_to(tmp_path / "outside.safetensors")
    with pytest.raises(WeightsRefused, match="symbolic link"):
        load_onto_device(store)
    (folder / UNET).unlink()
    shutil.move(folder / "unet", tmp_path / "unet")
    (folder / "unet").symlink_to(tmp_path / "unet")
    with pytest.raises(WeightsRefused, match="symbolic link"):
        load_onto_device(store)
    shutil.move(folder, tmp_path / "moved")
    folder.symlink_to(tmp_path / "moved")
    with pytest.raises(WeightsRefused, match="symbolic link"):
        load_onto_device(store)
    assert device.arrived == []


def test_json_of_unreasonable_size_is_not_read(store: WeightStore, folder: Path) -> None:
    with (folder / "unet/config.json").open("r+b") as file:
        file.truncate(65 * 1024 * 1024)
    lock_files(store)
    with pytest.raises(WeightsRefused, match="larger than JSON may be"):
        verify(store, SOURCE)


def test_a_lock_of_another_commit_than_the_pinned_one(store: WeightStore, device: DeviceDouble) -> None:
    with pytest.raises(WeightsRefused, match=r"pinned to f{40}.*--update"):
        verify(store, replace(SOURCE, revision="f" * 40))


@pytest.mark.parametrize(
    "text",
    [
        "{",
        '{"repository": "tests/tiny", "revision": "main", "files": {}}',
        '{"repository": "tests/other", "revision": "0123456789abcdef0123456789abcdef01234567", "files": {}}',
    ],
)
def test_a_lock_that_makes_no_sense(text: str, store: WeightStore) -> None:
    store.lock_path(SOURCE).write_text(text)
    with pytest.raises(WeightsRefused, match="can't be trusted"):
        verify(store, SOURCE)


@pytest.mark.parametrize(
    "path", ["../x.json", "/etc/x.json", "a/../x.json", ".cache/x.json", "a//x.json", "x.bin"]
)
def test_a_lock_that_names_other_places(path: str, store: WeightStore) -> None:
    edit_json(
        store.lock_path(SOURCE), lambda lock: lock["files"].update({path: {"sha256": "0" * 64, "bytes": 1}})
    )
    with pytest.raises(WeightsRefused, match="can't be trusted"):
        verify(store, SOURCE)


def test_no_weights_at_all(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match=r"no lock file.*likeness models fetch fast") as caught:
        verify(WeightStore(tmp_path), SOURCE, profile="fast")
    assert caught.value.code == "WEIGHTS_MISSING"


def test_a_lock_without_its_files(store: WeightStore, folder: Path) -> None:
    (folder / UNET).unlink()
    with pytest.raises(WeightsMissing, match="1 of 10 files are not there"):
        verify(store, SOURCE)
    shutil.rmtree(folder)
    with pytest.raises(WeightsMissing, match="10 of 10 files are not there"):
        verify(store, SOURCE)
