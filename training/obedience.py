"""Does a clone do what its shot asks, is it sharp, and is it a picture of its own?"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from pipelines.embedded.fit import Found, fit_shape
from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.points import camera_of
from pipelines.embedded.people.view import View
from pipelines.embedded.pipeline import READ_AT, LikenessPipeline
from pipelines.embedded.reading import TRUST, read_pictures
from training.heads import head_box

READ = {"yaw": 0, "pitch": 1, "smile": 7, "mouth open": 8}
"""Which of a camera's numbers are compared with what was asked."""
_BLUR = 6  # pixels of 256, for light


@dataclass(frozen=True)
class Asked:
    """What a clone was to show, and of whom."""

    view: View
    references: np.ndarray  # (R, S, S, 3)
    real: np.ndarray | None  # (S, S, 3) the real render of that view, where there is one


def obedience(pipeline: LikenessPipeline, pictures: np.ndarray, asked: Sequence[Asked]) -> dict[str, float]:
    """Of pictures (N, S, S, 3), uint8. Correlations, grey levels, and shares of the real picture's sharpness."""
    cameras = cameras_of(pipeline, pictures)
    wanted = np.stack([camera_of(one.view) for one in asked])
    figures = {f"{name}, r": _correlation(wanted[:, k], cameras[:, k]) for name, k in READ.items()}
    figures["yaw off, degrees"] = float(np.abs(wanted[:, 0] - cameras[:, 0]).mean())
    small = np.stack([_small(one) for one in pictures])
    nearest = [
        min(float(np.abs(one - _small(reference)).mean()) for reference in each.references)
        for one, each in zip(small, asked, strict=True)
    ]
    figures |= {"nearest reference": float(np.mean(nearest)), "nearest of all": float(np.min(nearest))}
    known = [k for k, one in enumerate(asked) if one.real is not None]
    if known:
        real = [one.real for one in asked if one.real is not None]
        sides = [
            (_side_light(pictures[k], asked[k].view), _side_light(r, asked[k].view))
            for k, r in zip(known, real, strict=True)
        ]
        figures["light from left or right, r"] = _correlation(*np.array(sides).T)
        sharp = [
            _sharpness(pictures[k], asked[k].view) / _sharpness(r, asked[k].view)
            for k, r in zip(known, real, strict=True)
        ]
        figures["sharpness"] = float(np.median(sharp))
        figures["off the real picture"] = float(
            np.mean([np.abs(small[k] - _small(r)).mean() for k, r in zip(known, real, strict=True)])
        )
    return {name: round(value, 4) for name, value in figures.items()}


@torch.inference_mode()
def cameras_of(pipeline: LikenessPipeline, pictures: np.ndarray) -> Floats:
    """(N, 12), each by the points that the reference encoder finds in that picture alone."""
    points, prior = pipeline.drawer.points, pipeline.drawer.coder.prior()
    cameras = []
    for part in np.array_split(pictures, max(1, len(pictures) // 16)):
        small = np.stack([cv2.resize(one, (READ_AT, READ_AT), interpolation=cv2.INTER_AREA) for one in part])
        tensor = torch.from_numpy(small).permute(0, 3, 1, 2).float().div(127.5).sub(1).contiguous()
        reading = read_pictures(pipeline.finder, pipeline.reader, tensor)
        for places, spreads in zip(reading.places, reading.spreads, strict=True):
            cameras.append(fit_shape(points, prior, [Found(places, spreads)], trust=TRUST)[1][0])
    return np.stack(cameras)


def _correlation(one: Floats, other: Floats) -> float:
    return float(np.corrcoef(one, other)[0, 1])


def _small(picture: np.ndarray) -> Floats:
    return np.asarray(cv2.resize(picture, (256, 256), interpolation=cv2.INTER_AREA), np.float32)


def _side_light(picture: np.ndarray, view: View) -> float:
    """How much brighter the head's right half is than its left one, in logs."""
    x, y, side = head_box(view) * 256
    grey = cv2.cvtColor(_small(picture).astype(np.uint8), cv2.COLOR_RGB2GRAY)
    grey = cv2.GaussianBlur(grey.astype(np.float32), (0, 0), _BLUR) + 8
    row = int(np.clip(y, 0, 255))
    left, right = (int(np.clip(x + way * 0.15 * side, 0, 255)) for way in (-1, 1))
    return float(np.log(grey[row, right] / grey[row, left]))


def _sharpness(picture: np.ndarray, view: View) -> float:
    """Energy of the gradient within the middle of the head, at the picture's own size."""
    x, y, side = head_box(view) * len(picture)
    half = side * 0.3
    top, left = (int(np.clip(c - half, 0, len(picture) - 8)) for c in (y, x))
    face = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[top : int(y + half), left : int(x + half)].astype(
        np.float32
    )
    return float(np.square(np.diff(face, axis=0)).mean() + np.square(np.diff(face, axis=1)).mean())
