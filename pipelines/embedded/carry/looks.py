"""A person's looks as all references together show them, instead of what the reader alone read."""

from collections.abc import Sequence

import numpy as np

from pipelines.embedded.carry.reference import Reference
from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.looks import Looks

_USUAL = 0.87  # the light on a face that is turned to the camera, on average over the renderer's lights
_TINT, _BRIGHTNESS = 1.0, 0.7  # how far the skin's colour follows what usual lights would show
_LEAST_IRIS, _LEAST_HAIR = 25, 100  # samples
_STRANDS = 0.93  # mean brightness of strands, as a fraction of the hair's colour
_NO_BEARD = 0.12  # cover below which there is none


def usual_tint(references: Sequence[Reference]) -> Floats:
    """The factor (3,) that turns colours as read into those that white light of usual strength would show."""
    falls = np.stack(
        [0.6 * one.light.lamp + 0.5 * one.light.sky + 0.2 * one.light.ground for one in references]
    )
    ratio = np.exp(np.log(falls).mean(0)) / _USUAL
    mean = ratio.mean()
    tint = np.clip(ratio / mean, 0.6, 1.6) ** _TINT * np.clip(mean, 0.4, 1.6) ** _BRIGHTNESS
    return np.asarray(tint, np.float32)


def shown_looks(looks: Looks, references: Sequence[Reference], tint: Floats) -> Looks:
    """The reader's `looks`, with skin, lips, iris, hair and beard as the references show them."""
    looks = looks._replace(
        skin=np.clip(looks.skin * tint, 0.005, 0.95), lips=np.clip(looks.lips * tint, 0.005, 0.95)
    )
    iris = np.concatenate([one.signs.iris for one in references])
    if len(iris) >= _LEAST_IRIS:
        shown = 0.75 * iris_shown(iris) * tint + 0.25 * looks.iris
        looks = looks._replace(iris=np.asarray(shown, np.float32))
    hair = np.concatenate([one.signs.hair for one in references])
    if len(hair) >= _LEAST_HAIR:
        shown = np.clip(np.median(hair, 0) * tint / _STRANDS, 0.003, 0.95)
        looks = looks._replace(hair=np.asarray(shown, np.float32))
    return _with_beard(looks, np.stack([one.signs.beard for one in references]))


def iris_shown(samples: Floats) -> Floats:
    """The colour (3,) of an iris by samples (n, 3): the median of the third that is most alike in brightness.

    Where the fit misses an iris by a pixel or two, or hair hangs over it, samples of the white of the eye, of lids
    and of hair are among them. The median of all would make brown eyes grey.
    """
    order = np.argsort(samples.mean(1))
    bright = samples.mean(1)[order]
    count = -(-len(samples) // 3)
    first = int((bright[count - 1 :] - bright[: len(bright) - count + 1]).argmin())
    return np.asarray(np.median(samples[order[first : first + count]], 0))


def _with_beard(looks: Looks, covers: Floats) -> Looks:
    """`covers` (R, 2) are of jaw and upper lip. A shadow looks like cover too, so the barest reference counts."""
    if np.isnan(covers).all(0).any():
        return looks
    jaw, lip = np.nanmin(covers, 0)
    dense = float(max(jaw, lip / 0.75))
    if looks.beard < 0.15 and dense < 0.55:  # may be shadows
        dense = 0.0
    if dense <= _NO_BEARD:
        return looks._replace(beard=0.0)
    return looks._replace(
        beard=dense, beard_jaw=float(jaw / dense), beard_moustache=float(lip / 0.75 / dense)
    )
