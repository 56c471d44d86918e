"""A watermark of our own, by spread spectrum. It needs no weights."""

from math import log, sqrt

import numpy as np

from pipelines.watermark.code import Code
from pipelines.watermark.pattern import Spectrum, make_tile, strength, tile_side
from pipelines.watermark.planes import Pixels, blurred, brightness, check, roughness
from pipelines.watermark.reading import candidates, waves_of

_CODE = Code(61, 9, (0o1671, 0o1223, 0o1357, 0o1145, 0o1755, 0o1233, 0o1615, 0o1047))
_KEY = b"likeness watermark 1"

_STRONGEST = 2.45
"""The most that its root mean square may be: 40.3 dB."""
_FIXED = 1.3
"""How much louder the waves are by which the tile is found."""
_HELP, _SOFTEST, _LOUDEST = 0.5, 0.3, 2.5
"""A wave that the picture has already is made softer, and one that it opposes louder, by so much for each standard
deviation, and within these limits."""

_CANDIDATES = 12
"""How many places and sizes of the tile are decoded, of all that are searched."""
FALSE_POSITIVES = 1e-6
"""The most that the probability to find a number in an unmarked image may be."""


class SpreadSpectrum:
    """Adds a faint pattern to the brightness, everywhere, stronger where there is texture.

    Survives JPEG, WebP, scaling and cropping, and these together, as bench/RESULTS.md says. Doesn't survive
    mirroring, changed proportions, or rotation. The pattern isn't secret, so that everybody can look for it; who
    wants to can take it out, or put one in.
    """

    algorithm = "org.likeness.spread.1"

    def __init__(self, code: Code = _CODE, key: bytes = _KEY) -> None:
        self.bits = code.bits
        self._code = code
        self._tile = make_tile(code.length, key)

    def embed(self, pixels: Pixels, number: int) -> Pixels:
        """Marked pixels, at 40 dB or more. Below about 200 pixels they can't always be read."""
        plane = brightness(pixels)
        height, width = plane.shape
        side = tile_side(height, width)
        wanted = self._tile.waves(self._code.encode(number))
        wanted[self._tile.fixed] *= _FIXED
        pattern = self._tile.drawn(height, width, side, self._helped(wanted, waves_of(pixels, self._tile)))
        rough = roughness(plane - blurred(plane, side / 8), side / 12)
        # More pixels carry more, so that each needs less.
        added = pattern * strength(rough) * sqrt(min(1, 256 / sqrt(height * width)))
        added *= min(1, _STRONGEST / max(float(np.sqrt(np.mean(added**2))), 1e-6))
        marked: Pixels = np.clip(np.rint(pixels + added[:, :, None]), 0, 255).astype(np.uint8)
        return marked

    def find(self, pixels: Pixels) -> int | None:
        check(pixels)
        heard = [self._tile.chips(waves) for waves in candidates(pixels, self._tile, _CANDIDATES)]
        for values, number in zip(heard, self._code.decode(np.stack(heard)), strict=True):
            if self._code.encode(number) @ values > least_score(self.bits) * np.linalg.norm(values):
                return number
        return None

    def _helped(self, wanted: Spectrum, there: Spectrum) -> Spectrum:
        """The waves to add to those of the picture so that those wanted are heard."""
        want, have = (waves * self._tile.phases.conj() for waves in (wanted, there))
        along, across = (
            part * np.clip(1 - _HELP * sqrt(2) * np.sign(part) * other, _SOFTEST, _LOUDEST)
            for part, other in ((want.real, have.real), (want.imag, have.imag))
        )
        waves: Spectrum = (along + 1j * across) * self._tile.phases
        waves /= np.sqrt(np.mean(np.abs(waves) ** 2))
        return waves


def least_score(bits: int, tried: int = _CANDIDATES, probability: float = FALSE_POSITIVES) -> float:
    """From which score on a number is taken as found: its word times what was read, divided by the latter's norm.

    By Hoeffding's inequality, a word whose chips have random signs reaches a score of s with a probability of at
    most exp(-s²/2), whatever the picture. That is multiplied with the number of words and of candidates. The
    candidates are chosen by waves that carry no chips, so it doesn't matter that they are the best of many.
    """
    return sqrt(2 * (bits * log(2) + log(tried / probability)))
