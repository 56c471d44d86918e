"""Tiny ONNX classifiers of the safety gate, and a world in which they work: a picture's mean colour decides.

Red is explicit and green is suggestive; anything else is neither. A face that is mostly blue is a child's.
"""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from pipelines.sources import SAFETY
from pipelines.weights import Lock, LockedFile, WeightStore

SIZE = 8
NUDITY: dict[str, Any] = {
    "model": "nudity.onnx",
    "size": SIZE,
    "mean": [0.5, 0.5, 0.5],
    "std": [0.5, 0.5, 0.5],
    "labels": ["normal", "sexy", "porn"],
    "output": "logits",
    "thresholds": {
        "explicit": {"labels": ["porn"], "atLeast": 0.85},
        "suggestive": {"labels": ["porn", "sexy"], "atLeast": 0.5},
    },
}
AGE: dict[str, Any] = {
    **NUDITY,
    "model": "age.onnx",
    "labels": ["adult", "child"],
    "thresholds": {"minor": {"labels": ["child"], "atLeast": 0.5}},
    "faceRoom": 1.0,
}
# Of the mean colour, from -1 to 1, to each label's logit.
_NUDITY_WEIGHTS = ([0, 0, 0], [-6, 6, -6], [6, -6, -6])
_AGE_WEIGHTS = ([0, 0, -6], [0, 0, 6])


def write_nudity(folder: Path, *, nan: bool = False, **changes: Any) -> Path:
    """The model and its JSON, with `changes`. With `nan`, it is no number for what has no blue at all."""
    _write(folder / "nudity.onnx", _NUDITY_WEIGHTS, [4, 0, 0], nan=nan)
    (folder / "nudity.json").write_text(json.dumps(NUDITY | changes))
    return folder


def write_age(folder: Path, **changes: Any) -> Path:
    _write(folder / "age.onnx", _AGE_WEIGHTS, [0, 0])
    (folder / "age.json").write_text(json.dumps(AGE | changes))
    return folder


def write_fetched(weights: Path, *, takes_all: bool = False) -> Path:
    """What `likeness models fetch safety` leaves: a model with the two labels of the published one, and its lock.
    Red is nsfw, unless it takes all. Returns the model's path."""
    store, (file,) = WeightStore(weights), SAFETY.files
    path = store.folder(SAFETY) / file
    _write(path, ([0, 0, 0], [6, -6, -6]), [30 if takes_all else 3, 0], size=224)
    locked = LockedFile(sha256=sha256(path.read_bytes()).hexdigest(), bytes=path.stat().st_size)
    assert SAFETY.revision
    Lock(
        repository=SAFETY.repository, revision=SAFETY.revision, patterns=SAFETY.files, files={file: locked}
    ).write(store.lock_path(SAFETY))
    return path


def _write(
    path: Path, weights: npt.ArrayLike, bias: npt.ArrayLike, *, nan: bool = False, size: int = SIZE
) -> None:
    kernel = np.asarray(weights, dtype=np.float32)
    nodes = [
        helper.make_node("GlobalAveragePool", ["pixels"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["colour"]),
        helper.make_node("Gemm", ["colour", "kernel", "bias"], ["sums"], transB=1),
    ]
    arrays = [_array("kernel", kernel), _array("bias", bias)]
    if nan:
        nodes += [
            helper.make_node("Add", ["colour", "half"], ["raised"]),
            helper.make_node("Sqrt", ["raised"], ["root"]),
            helper.make_node("ReduceMin", ["root"], ["least"], keepdims=1, axes=[1]),
            helper.make_node("Add", ["sums", "least"], ["logits"]),
        ]
        arrays.append(_array("half", [0.5]))
    else:
        nodes.append(helper.make_node("Identity", ["sums"], ["logits"]))
    pixels = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, [1, 3, size, size])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, len(kernel)])
    graph = helper.make_graph(nodes, "classifier", [pixels], [logits], arrays)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)


def _array(name: str, values: npt.ArrayLike) -> onnx.TensorProto:
    return numpy_helper.from_array(np.asarray(values, dtype=np.float32), name)
