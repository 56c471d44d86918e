"""Operations on greyscale pictures: reading between pixels, smoothing, halving, averaging in windows."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


def sample(picture: Floats, x: npt.NDArray[np.floating], y: npt.NDArray[np.floating]) -> Floats:
    """Reads a picture (H, W) at places of one shape, bilinearly; (0, 0) is the middle of its first pixel.

    Outside of the picture, its edge is repeated.
    """
    if min(picture.shape) < 2:
        picture = np.pad(picture, ((0, 1), (0, 1)), mode="edge")
    height, width = picture.shape
    x, y = np.clip(x, 0, width - 1.001), np.clip(y, 0, height - 1.001)
    column, row = x.astype(np.intp), y.astype(np.intp)
    right, down = (x - column).astype(np.float32), (y - row).astype(np.float32)
    flat, place = picture.ravel(), row * width + column
    upper = flat[place] + (flat[place + 1] - flat[place]) * right
    lower = flat[place + width] + (flat[place + width + 1] - flat[place + width]) * right
    result: Floats = upper + (lower - upper) * down
    return result


def smooth(picture: Floats) -> Floats:
    """Blurs a picture by 1, 4, 6, 4, 1 both ways: a Gaussian of one pixel."""
    height, width = picture.shape
    padded = np.pad(picture, 2, mode="edge")
    rows = [padded[start : start + height] for start in range(5)]
    tall = rows[0] + rows[4] + 4 * (rows[1] + rows[3]) + 6 * rows[2]
    columns = [tall[:, start : start + width] for start in range(5)]
    total = columns[0] + columns[4] + 4 * (columns[1] + columns[3]) + 6 * columns[2]
    return np.asarray(total / 256, np.float32)


def halved(picture: Floats) -> Floats:
    """The mean of each 2 x 2 pixels of a picture whose sides are even."""
    height, width = picture.shape
    smaller: Floats = picture.reshape(height // 2, 2, width // 2, 2).mean((1, 3))
    return smaller


def window_means(picture: Floats, side: int) -> Floats:
    """The means of all windows with this side in pixels: (H - side + 1, W - side + 1)."""
    sums = np.pad(picture, ((1, 0), (1, 0))).cumsum(0, dtype=np.float64).cumsum(1)
    windows = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    means: Floats = (windows / side**2).astype(np.float32)
    return means
