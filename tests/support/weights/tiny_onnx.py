"""Tiny ONNX models with the shapes of YuNet, SFace and AuraFace, and a world in which they work.

A face is a square of pure blue, 32 pixels wide, on the grid of 32; what is around it makes its descriptor.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from pipelines.identity.embedders import SFACE_FILE
from pipelines.sources import AURAFACE_FILE, YUNET_FILE

RECOGNISER_FILES = {"sface": SFACE_FILE, "auraface": AURAFACE_FILE}

_BOX = 64
"""Side of the detector's boxes, in pixels."""


def write_models(folder: Path) -> None:
    """All three files, under the names that are looked for."""
    _write(_detector(), folder / YUNET_FILE)
    for file in RECOGNISER_FILES.values():
        _write(_recogniser(), folder / file)


def _detector() -> onnx.GraphProto:
    """At each of three strides a class and an object score, a box and five points for each cell of the picture.

    Cells of 32 pixels score by how much blue and no red they have; the finer ones see nothing. A box has the centre
    of its cell.
    """
    nodes, weights, outputs = [], [_array("zero", np.float32(0)), _array("one", np.float32(1))], []
    for stride in (8, 16, 32):
        for kind, channels in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)):
            name = f"{kind}_{stride}"
            kernel = np.zeros((channels, 3, stride, stride))
            bias = np.zeros(channels)
            if kind in ("cls", "obj") and stride == 32:
                kernel[0, 0], kernel[0, 2] = 1 / (255 * stride**2), -1 / (255 * stride**2)
            if kind == "bbox":
                bias[:2], bias[2:] = 0.5, np.log(_BOX / stride)
            if kind == "kps":
                bias[:] = (0, 0.2, 1, 0.2, 0.5, 0.5, 0.1, 1, 0.9, 1)
            weights += [_array(f"{name}_kernel", kernel), _array(f"{name}_bias", bias)]
            weights.append(_array(f"{name}_shape", np.array([1, -1, channels]), np.int64))
            inputs = ["input", f"{name}_kernel", f"{name}_bias"]
            nodes.append(
                helper.make_node(
                    "Conv", inputs, [f"{name}_map"], kernel_shape=[stride] * 2, strides=[stride] * 2
                )
            )
            nodes.append(helper.make_node("Transpose", [f"{name}_map"], [f"{name}_last"], perm=[0, 2, 3, 1]))
            listed = f"{name}_list" if channels == 1 else name
            nodes.append(helper.make_node("Reshape", [f"{name}_last", f"{name}_shape"], [listed]))
            if channels == 1:
                nodes.append(helper.make_node("Clip", [listed, "zero", "one"], [name]))
            outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, None, channels]))
    picture = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, "height", "width"])
    return helper.make_graph(nodes, "detector", [picture], outputs, weights)


def _recogniser() -> onnx.GraphProto:
    """The mean colours of 8 x 8 fields of a chip of 112 x 112 pixels."""
    nodes = [
        helper.make_node("AveragePool", ["chip"], ["fields"], kernel_shape=[14, 14], strides=[14, 14]),
        helper.make_node("Flatten", ["fields"], ["feature"]),
    ]
    chip = helper.make_tensor_value_info("chip", TensorProto.FLOAT, [1, 3, 112, 112])
    feature = helper.make_tensor_value_info("feature", TensorProto.FLOAT, [1, 192])
    return helper.make_graph(nodes, "recogniser", [chip], [feature])


def _array(name: str, values: npt.ArrayLike, kind: type = np.float32) -> onnx.TensorProto:
    return numpy_helper.from_array(np.asarray(values, dtype=kind), name)


def _write(graph: onnx.GraphProto, path: Path) -> None:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)
