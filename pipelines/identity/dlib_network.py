"""Computes dlib's face descriptor with numpy: the same network and weights, in a tenth of dlib's time.

dlib multiplies its matrices without a BLAS where pip installed it. The network is that of dlib's example
`dnn_face_recognition_ex`: a ResNet of 29 convolutions on a face of 150 x 150 pixels.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipelines.identity.faces import Vector

Floats = npt.NDArray[np.float32]

SIDE = 150
"""Side in pixels of the face that the network takes."""

# The averages and the divisor by which dlib's input layer scales RGB.
_MEANS, _DIVISOR = np.array([122.782, 117.001, 104.298], dtype=np.float32), np.float32(256)
# The blocks of two convolutions: their filters, and whether they halve the picture.
_BLOCKS = (
    *((32, False),) * 3,
    *((64, True), (64, False), (64, False), (64, False)),
    *((128, True), (128, False), (128, False)),
    *((256, True), (256, False), (256, False)),
    (256, True),
)
_OUTPUTS = 128


class DescriptorNetwork:
    """The network, read from dlib's own file. Raises ValueError or IndexError if the file holds another one."""

    def __init__(self, path: Path) -> None:
        parts = _Parts(path.read_bytes())
        self._first = _Convolution(parts, 3, 32, side=7, stride=2)
        self._blocks, depth = [], 32
        for filters, halves in _BLOCKS:
            one = _Convolution(parts, depth, filters, side=3, stride=2 if halves else 1)
            self._blocks.append((one, _Convolution(parts, filters, filters, side=3, stride=1)))
            depth = filters
        self._last = parts.tensor(b"fc_2", depth * _OUTPUTS, skipped=2).reshape(depth, _OUTPUTS)

    def describe(self, face: npt.NDArray[np.uint8]) -> Vector:
        """The descriptor (128,) of an aligned face, RGB of shape (SIDE, SIDE, 3)."""
        x = _largest(_relu(self._first.of((face - _MEANS) / _DIVISOR)))
        for one, other in self._blocks:
            y = other.of(_relu(one.of(x)))
            x = _relu(_sum(y, _halved(x) if one.stride == 2 else x))
        vector: Vector = x.mean((0, 1)) @ self._last
        return vector


class _Parts:
    """Reads a file of dlib's from its start: each layer begins with its name, and its weights follow."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def tensor(self, layer: bytes, count: int, skipped: int = 0) -> Floats:
        """The next tensor of a layer of this kind, with so many weights, after some numbers to skip."""
        name = bytes([1, len(layer)]) + layer
        self._at = self._data.index(name, self._at) + len(name)
        for _ in range(skipped):
            self._number()
        version, *sides = (self._number() for _ in range(5))
        if version != 2 or np.prod(sides) != count:
            raise ValueError(f"{layer.decode()} has {sides} weights in the file; {count} were expected")
        weights = np.frombuffer(self._data, "<f4", count, self._at)
        self._at += weights.nbytes
        return weights

    def _number(self) -> int:
        """An integer: a byte with the number of bytes that follow, and those, the least first."""
        size = self._data[self._at] & 0x0F
        self._at += 1 + size
        return int.from_bytes(self._data[self._at - size : self._at], "little")


class _Convolution:
    """A convolution with its scales and offsets. Pictures are (height, width, depth)."""

    def __init__(self, parts: _Parts, depth: int, filters: int, *, side: int, stride: int) -> None:
        size = filters * depth * side * side
        weights = parts.tensor(b"con_4", size + filters)
        scale, offset = parts.tensor(b"affine_", 2 * filters).reshape(2, filters)
        by_filter = weights[:size].reshape(filters, depth, side, side) * scale[:, None, None, None]
        # Row, column and depth of the weights, in the order in which a window's pixels lie in memory.
        self._weights: Floats = np.ascontiguousarray(by_filter.transpose(2, 3, 1, 0).reshape(-1, filters))
        self._offset: Floats = weights[size:] * scale + offset
        self._side = side
        self.stride = stride

    def of(self, x: Floats) -> Floats:
        if self.stride == 1:
            x = np.pad(x, ((self._side // 2,) * 2, (self._side // 2,) * 2, (0, 0)))
        height, width = ((length - self._side) // self.stride + 1 for length in x.shape[:2])
        down, right, deep = x.strides
        # In memory, the pixels of a window's row follow each other with all their depth.
        windows = np.lib.stride_tricks.as_strided(
            x,
            (height, width, self._side, self._side * x.shape[2]),
            (down * self.stride, right * self.stride, down, deep),
        )
        rows: Floats = windows.reshape(height * width, -1) @ self._weights
        rows += self._offset
        return rows.reshape(height, width, -1)


def _relu(x: Floats) -> Floats:
    return np.maximum(x, 0, out=x)


def _largest(x: Floats) -> Floats:
    """The largest of each 3 x 3 pixels, at every other pixel."""
    height, width = ((length - 3) // 2 * 2 + 1 for length in x.shape[:2])
    shifted = [
        x[down : down + height : 2, right : right + width : 2] for down in range(3) for right in range(3)
    ]
    largest: Floats = np.maximum.reduce(shifted)
    return largest


def _halved(x: Floats) -> Floats:
    """The means of 2 x 2 pixels. A row or column that is left over is dropped."""
    height, width, depth = x.shape
    pairs = x[: height // 2 * 2, : width // 2 * 2].reshape(height // 2, 2, width // 2, 2, depth)
    means: Floats = pairs.mean((1, 3))
    return means


def _sum(one: Floats, other: Floats) -> Floats:
    """The sum of two pictures. As in dlib, the smaller one is filled up with zeros, in each direction."""
    total = np.zeros(np.maximum(one.shape, other.shape), dtype=np.float32)
    for each in (one, other):
        height, width, depth = each.shape
        total[:height, :width, :depth] += each
    return total
