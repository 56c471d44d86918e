"""A tiny pair of ONNX nets with TrustMark's shapes, which hides bits in fine waves.

The encoder adds a wave for each bit, up or down, to cells of 8 pixels; the decoder correlates with the waves.
"""

from hashlib import sha256
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from pipelines.sources import WATERMARK
from pipelines.watermark.trustmark import DECODER, ENCODER, PACKET
from pipelines.weights import Lock, LockedFile, WeightStore

_SIDE, _CELL = 256, 8
_CELLS = _SIDE // _CELL
_STRENGTH = 0.1


def write_pair(folder: Path) -> None:
    """Both nets, under the names that are looked for."""
    folder.mkdir(parents=True, exist_ok=True)
    waves = _waves()
    image = [1, 3, _SIDE, _SIDE]
    _write(
        folder / ENCODER,
        [
            helper.make_node("Mul", ["secret", "two"], ["doubled"]),
            helper.make_node("Sub", ["doubled", "one"], ["signs"]),
            helper.make_node("MatMul", ["signs", "waves"], ["cells"]),
            helper.make_node("Reshape", ["cells", "shape"], ["small"]),
            helper.make_node("ConvTranspose", ["small", "cell"], ["added"], strides=[_CELL, _CELL]),
            helper.make_node("Add", ["cover", "added"], ["marked"]),
        ],
        {"cover": image, "secret": [1, PACKET]},
        {"marked": image},
        {
            "one": np.float32(1),
            "two": np.float32(2),
            "waves": waves * _STRENGTH,
            "shape": np.array([1, 1, _CELLS, _CELLS]),
            "cell": np.ones((1, 3, _CELL, _CELL), np.float32),
        },
    )
    _write(
        folder / DECODER,
        [
            helper.make_node("Conv", ["image", "cell"], ["small"], strides=[_CELL, _CELL]),
            helper.make_node("Flatten", ["small"], ["cells"]),
            helper.make_node("MatMul", ["cells", "waves"], ["bits"]),
        ],
        {"image": image},
        {"bits": [1, PACKET]},
        {"cell": np.ones((1, 3, _CELL, _CELL), np.float32), "waves": np.ascontiguousarray(waves.T)},
    )


def write_fetched(root: Path) -> Path:
    """Both nets as a fetch leaves them: in their folder below `root`, with a lock. Returns the folder."""
    store = WeightStore(root)
    folder = store.folder(WATERMARK)
    write_pair(folder)
    assert WATERMARK.revision
    files = {
        name: LockedFile(sha256=sha256(data).hexdigest(), bytes=len(data))
        for name, data in ((name, (folder / name).read_bytes()) for name in (ENCODER, DECODER))
    }
    Lock(
        repository=WATERMARK.repository,
        revision=WATERMARK.revision,
        patterns=tuple(sorted(WATERMARK.files)),
        files=files,
    ).write(store.lock_path(WATERMARK))
    return folder


def _waves() -> "np.typing.NDArray[np.float32]":
    """The hundred finest waves on the cells, (bits, cells): pictures have little of them."""
    places = np.arange(_CELLS) + 0.5
    along = np.cos(np.pi / _CELLS * np.outer(np.arange(_CELLS - 10, _CELLS), places))
    both = np.einsum("ay,bx->abyx", along, along).reshape(PACKET, -1)
    waves: np.typing.NDArray[np.float32] = both / np.linalg.norm(both, axis=1, keepdims=True)
    return waves.astype(np.float32)


def _write(
    path: Path,
    nodes: list[onnx.NodeProto],
    inputs: dict[str, list[int]],
    outputs: dict[str, list[int]],
    values: "dict[str, np.typing.NDArray[np.generic] | np.generic]",
) -> None:
    graph = helper.make_graph(
        nodes,
        path.stem,
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in values.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)
