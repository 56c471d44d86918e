"""Loads weights so that nothing but numbers gets in, and all of them: on the CPU, before any device sees them.
Whether the numbers are finite is looked at once, where they compute (`check_parameters`).

Stock loaders accept more than they should. A parameter that the file lacks stays on `meta` (diffusers) or is drawn
at random (transformers), with a warning; non-finite numbers pass; a configuration may name other classes, other
folders and other repositories. Here each of these raises WeightsRefused.
"""

import importlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import diffusers
import safetensors.torch
import torch
import transformers
from torch import Tensor, nn

from models.errors import WeightsRefused

Allowed = Mapping[str, frozenset[str]]
"""For each component of a pipeline, the classes that it may be: `{"unet": {"diffusers.UNet2DConditionModel"}}`."""

# Numbers of 8 bits that are widened at once.
_AT_ONCE = 2**24

_UTILITIES: tuple[Any, ...] = (diffusers.utils, transformers.utils)

P = TypeVar("P", bound=diffusers.DiffusionPipeline)
M = TypeVar("M", bound=nn.Module)


def load_folder(
    pipeline_class: type[P],
    folder: Path,
    allowed: Allowed,
    *,
    dtype: torch.dtype,
    class_name: str | None = None,
    variant: str | None = None,
    **given: Any,
) -> P:
    """Loads the pipeline in a folder of the diffusers format, on the CPU, and checks it.

    Before a component is loaded, model_index.json must name `class_name` (default: the pipeline class's own name;
    give the stock class's for a subclass) and for each component a class of the allow-list, also for those that are
    `given` ready-made. `variant` is that of the weights' file names, e.g. `fp16`. Raises WeightsRefused.
    """
    index = _index(folder)
    expected = class_name or pipeline_class.__name__
    if index.get("_class_name") != expected:
        raise _refused(folder, f"is a {index.get('_class_name')!r} and not a {expected}")
    known = {kind.rpartition(".")[0] for kinds in allowed.values() for kind in kinds}
    components = dict(_components(folder, index, known))
    for name, kind in components.items():
        if kind not in allowed.get(name, frozenset()):
            raise _refused(
                folder, f"has a component {name!r} of class {kind}, which is not on the profile's list"
            )
    for name in components.keys() - given.keys():
        library, _, kind = components[name].rpartition(".")
        component_class = getattr(importlib.import_module(library), kind)
        if isinstance(component_class, type) and issubclass(component_class, nn.Module):
            given[name] = load_model(component_class, folder / name, dtype=dtype, variant=variant)
    loader: Any = pipeline_class  # its methods have no types
    with loading(folder):
        pipeline = loader.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, dtype=dtype, **given
        )
    for name, part in modules_of(pipeline).items():
        _refuse_empty(name, part)
    assert isinstance(pipeline, pipeline_class)
    return pipeline


def modules_of(pipeline: diffusers.DiffusionPipeline) -> dict[str, nn.Module]:
    """Its models, by their names."""
    components: dict[str, Any] = pipeline.components
    return {name: part for name, part in components.items() if isinstance(part, nn.Module)}


def load_model(model_class: type[M], folder: Path, *, dtype: torch.dtype, variant: str | None = None) -> M:
    """Loads one model of diffusers or transformers on the CPU. Its parameters must be exactly those of its files.

    Raises WeightsRefused, also for keys that are missing, left over or of another shape. Keys that the class itself
    declares as tied or meaningless don't count.
    """
    if (folder / "adapter_config.json").exists():
        # Transformers would load the model that this file names, from wherever that is.
        raise _refused(folder, "has an adapter_config.json, which leads to another model")
    loader: Any = model_class
    options: dict[str, Any] = {}
    if issubclass(model_class, transformers.PreTrainedModel):
        options["ignore_mismatched_sizes"] = True  # so that `info` lists them; diffusers always does
    with loading(folder):
        model, info = loader.from_pretrained(
            folder,
            local_files_only=True,
            use_safetensors=True,
            dtype=dtype,
            variant=variant,
            output_loading_info=True,
            **options,
        )
    for fault in ("missing_keys", "unexpected_keys", "mismatched_keys", "error_msgs"):
        if info[fault]:
            first = min(map(str, info[fault]))
            raise _refused(
                folder,
                f"doesn't fit {model_class.__name__}: {len(info[fault])} {fault.replace('_', ' ')}, e.g. {first}",
            )
    _refuse_empty(folder.name, model)
    assert isinstance(model, model_class)
    return model


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """The tensors of one file, on the CPU, all finite. Raises WeightsRefused."""
    if path.suffix != ".safetensors":
        raise _refused(path, "is not a .safetensors file")
    with loading(path):
        tensors = safetensors.torch.load_file(path, device="cpu")
    for name, tensor in tensors.items():
        if tensor.numel() and tensor.is_floating_point() and not _bounds(tensor).isfinite().all():
            raise _not_finite(f"{path.name}: {name}")
    return tensors


def check_parameters(modules: Mapping[str, nn.Module]) -> None:
    """Raises WeightsRefused for the first parameter or buffer without numbers, or with one that isn't finite.

    One pass over the weights, where they are: call it once, on the device that computes with them.
    """
    names: list[str] = []
    bounds: list[Tensor] = []
    for name, module in modules.items():
        _refuse_empty(name, module)
        for key, tensor in (*module.named_parameters(), *module.named_buffers()):
            if tensor.numel() and (tensor.is_floating_point() or tensor.is_complex()):
                names.append(f"{name}.{key}")
                bounds.append(_bounds(tensor))
    if not bounds:
        return
    # One answer for all: a device is asked once, and not for each tensor.
    finite = torch.stack(bounds).isfinite().all(1).tolist()
    if not all(finite):
        raise _not_finite(names[finite.index(False)])


def _bounds(tensor: Tensor) -> Tensor:
    """The least and the greatest number, (2,) in float64. NaN and infinities survive in them, which takes a
    thirtieth of the time of `isfinite`."""
    tensor = tensor.detach()
    if tensor.is_complex():
        tensor = torch.view_as_real(tensor)
    if tensor.element_size() == 1:
        # Nothing else is implemented for 8 bits. In parts, since each takes four times its memory.
        parts = [_bounds(part.float()) for part in torch.split(tensor.flatten(), _AT_ONCE)]
        return torch.stack([torch.stack(parts).min(), torch.stack(parts).max()])
    return torch.stack(torch.aminmax(tensor)).double()


def _not_finite(name: str) -> WeightsRefused:
    return WeightsRefused(
        f"The weights have a number in {name} that is not finite. Fetch them again.", parameter=name
    )


def _refuse_empty(name: str, module: nn.Module) -> None:
    for key, tensor in (*module.named_parameters(), *module.named_buffers()):
        if tensor.is_meta:
            raise WeightsRefused(
                f"The weights lack {name}.{key}. Fetch them again.", parameter=f"{name}.{key}"
            )


def _index(folder: Path) -> dict[str, Any]:
    try:
        index = json.loads((folder / "model_index.json").read_bytes())
    except OSError as error:
        raise _refused(folder, f"has no readable model_index.json ({error.strerror})") from None
    except ValueError:
        raise _refused(folder, "has a model_index.json that is not JSON") from None
    if not isinstance(index, dict):
        raise _refused(folder, "has a model_index.json without names")
    return index


def _components(folder: Path, index: Mapping[str, Any], known: set[str]) -> Iterator[tuple[str, str]]:
    """Name and `library.Class` of each component that the index names. `[null, null]` stands for none."""
    for name, value in index.items():
        match value:
            case [None, None]:
                pass
            case [str(library), str(kind)] if library in known | {"diffusers", "transformers"}:
                yield name, f"{library}.{kind}"
            case list() | dict():
                raise _refused(
                    folder, f"names {str(value)[:100]} for {name!r}, which is no class of a known library"
                )


@contextmanager
def loading(path: Path) -> Iterator[None]:
    """Loads quietly, since a worker's standard error carries JSON lines, and blames failures on the weights."""
    for utilities in _UTILITIES:
        utilities.logging.disable_progress_bar()
    try:
        yield
    except (ImportError, MemoryError, WeightsRefused):
        raise
    except Exception as error:  # noqa: BLE001 - the libraries raise a dozen types for a broken file
        reason = " ".join(str(error).split())[:300]
    else:
        return
    raise _refused(path, f"can't be loaded ({reason})")


def _refused(path: Path, reason: str) -> WeightsRefused:
    return WeightsRefused(
        f"The weights are refused: {path.name} {reason}. Fetch them again, or ask their publisher.",
        folder=path.name,
    )
