"""TrustMark Q, by Adobe (MIT): two nets in ONNX, which `likeness models fetch watermark` brings."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from models.errors import WatermarkModelMissing
from pipelines.watermark import bch
from pipelines.watermark.pattern import Floats
from pipelines.watermark.planes import Pixels, check, scaled

ENCODER, DECODER = "encoder_Q.onnx", "decoder_Q.onnx"
PACKET = 100
"""Bits that the nets carry: a word, and the number of its code in four bits."""

_SIDE = 256
"""Of the pictures that the nets look at, in pixels. The decoder's own input may say another."""
_CODE = 0b0001
_LONGEST = 2
"""An image whose sides' ratio is larger is marked in its middle square alone."""
_FADE = 0.01
"""The share of the shorter side over which the mark fades out at the edges; 50 pixels at most."""


class TrustMark:
    """Interoperates with the `trustmark` package's BCH_5 encoding. The first bit of the 61 is the highest.

    Its code takes 2 in 1,000 random words, and a sixteenth of those has the code's number: an unmarked image whose
    bits were random would have a number with a probability of 1.2e-4. Look numbers up before you rely on one.
    """

    algorithm = "com.adobe.trustmark.Q"
    bits = bch.BITS

    def __init__(self, folder: Path) -> None:
        """Loads the nets from their folder. Raises WatermarkModelMissing if they can't be used."""
        try:
            import onnxruntime
        except ImportError:
            raise WatermarkModelMissing(
                "TrustMark needs onnxruntime, which isn't installed. Run: pip install '.[trustmark]'"
            ) from None
        onnxruntime.disable_telemetry_events()
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        # Its threads would spin while they wait, and other cores have other work.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._encoder, self._decoder = (
            _opened(onnxruntime, folder / name, options) for name in (ENCODER, DECODER)
        )
        self._decoder_side = _side(self._decoder)
        grey = np.full((_SIDE, _SIDE, 3), 127, np.uint8)
        try:
            self.find(self.embed(grey, 0))
        except Exception as error:  # noqa: BLE001 - whatever the runtime raises, the nets can't be used
            raise WatermarkModelMissing(
                f"{ENCODER} and {DECODER} in {folder} aren't TrustMark's: {str(error)[:300]}. Fetch them again "
                "with: likeness models fetch watermark"
            ) from None

    def embed(self, pixels: Pixels, number: int) -> Pixels:
        check(pixels)
        word = bch.encode(number) << 4 | _CODE
        packet = np.array([[word >> place & 1 for place in reversed(range(PACKET))]], np.float32)
        top, left, height, width = _region(*pixels.shape[:2])
        region = pixels[top : top + height, left : left + width]
        small = _input(region, _SIDE)
        inputs = {each.name: small if len(each.shape) == 4 else packet for each in self._encoder.get_inputs()}
        marked = np.asarray(self._encoder.run(None, inputs)[0])
        if marked.shape != small.shape:
            raise ValueError(f"the encoder's output has the shape {marked.shape}, not {small.shape}")
        added = (np.clip(marked, -1, 1) - small)[0]
        # Without it, the image's colours would shift as a whole.
        added -= added.mean(axis=(1, 2), keepdims=True)
        fade = np.outer(_faded(height, min(height, width)), _faded(width, min(height, width)))
        result = pixels.copy()
        for channel, plane in enumerate(added):
            grown = scaled(plane, height, width, Image.Resampling.BILINEAR) * fade * 127.5
            levels = np.clip(np.rint(region[:, :, channel] + grown), 0, 255)
            result[top : top + height, left : left + width, channel] = levels
        return result

    def find(self, pixels: Pixels) -> int | None:
        check(pixels)
        top, left, height, width = _region(*pixels.shape[:2])
        small = _input(pixels[top : top + height, left : left + width], self._decoder_side)
        said = np.asarray(self._decoder.run(None, {self._decoder.get_inputs()[0].name: small})[0])
        if said.shape != (1, PACKET):
            raise ValueError(f"the decoder's output has the shape {said.shape}, not (1, {PACKET})")
        packet = 0
        for value in said[0]:
            packet = packet << 1 | bool(value > 0)
        return bch.decode(packet >> 4) if packet & 0b1111 == _CODE else None


def _opened(runtime: Any, path: Path, options: Any) -> Any:
    try:
        return runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001 - whatever the runtime raises, the net can't be used
        raise WatermarkModelMissing(
            f"{path} can't be read ({type(error).__name__}). Fetch it again with: likeness models fetch watermark"
        ) from None


def _side(decoder: Any) -> int:
    """What the decoder's input says of itself, if it is fixed."""
    last = decoder.get_inputs()[0].shape[-1]
    return last if isinstance(last, int) else _SIDE


def _region(height: int, width: int) -> tuple[int, int, int, int]:
    """Top, left, height and width of what is marked."""
    short = min(height, width)
    if max(height, width) <= _LONGEST * short:
        return 0, 0, height, width
    return (height - short) // 2, (width - short) // 2, short, short


def _input(pixels: Pixels, side: int) -> npt.NDArray[np.float32]:
    """From -1 to 1, (1, 3, side, side)."""
    small = Image.fromarray(pixels).resize((side, side), Image.Resampling.BILINEAR)
    levels = np.asarray(small).astype(np.float32) / 127.5 - 1
    return np.ascontiguousarray(levels.transpose(2, 0, 1)[None])


def _faded(length: int, short: int) -> Floats:
    """1 along an axis, with a ramp at both ends."""
    ramp = min(max(1, int(short * _FADE)), 50)
    places = np.arange(length)
    return np.minimum(1, (np.minimum(places, places[::-1]) + 1) / ramp).astype(np.float32)
