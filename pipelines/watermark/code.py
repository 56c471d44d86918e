"""The error-correcting code of the watermark: convolutional, tail-biting, decoded from soft values.

A number has to survive at a signal a tenth as strong as the noise. Codes that correct wrong bits, which packages
offer (BCH, Reed-Solomon), lose half of such a signal: they learn which value is likelier, but not by how much.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Chips = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Code:
    """Each bit, with the `memory` bits before it, gives one chip for each generator. The word is a ring: the bits
    before the first are the last ones, so that none are spent on an end."""

    bits: int
    memory: int
    generators: tuple[int, ...]
    """Which bits of the window each chip is the parity of; the lowest is the newest bit."""

    @property
    def length(self) -> int:
        """Of a word, in chips."""
        return self.bits * len(self.generators)

    def encode(self, number: int) -> Chips:
        """The word, (length,), of 1 and -1. Raises ValueError if the number has more bits than the code."""
        if not 0 <= number < 1 << self.bits:
            raise ValueError(f"a number from 0 to 2**{self.bits} - 1 is needed")
        bits = [number >> place & 1 for place in reversed(range(self.bits))]
        window = 0
        for bit in bits[-self.memory :]:
            window = window << 1 | bit
        chips = []
        for bit in bits:
            window = (window << 1 | bit) & (2 * self._states - 1)
            chips.append(self._outputs[window])
        return np.concatenate(chips)

    def decode(self, values: Chips) -> list[int]:
        """For each row of values, (rows, length), of any scale: the number whose word most likely became it.

        Viterbi's algorithm, three times round the ring: the middle one is far from both ends.
        """
        rows, states = len(values), self._states
        gains = values.reshape(rows, self.bits, -1) @ self._outputs.T
        score = np.zeros((rows, states))
        rounds = [*range(self.bits)] * 3
        older = np.empty((len(rounds), rows, states), np.bool_)
        for step, place in enumerate(rounds):
            # A window is the state before and a bit; two windows lead to each state, one with the oldest bit set.
            reached = (np.repeat(score, 2, axis=1) + gains[:, place]).reshape(rows, 2, states)
            np.greater(reached[:, 1], reached[:, 0], out=older[step])
            score = reached.max(axis=1)
        return [self._walk(int(last), older[:, row]) for row, last in enumerate(score.argmax(axis=1))]

    def _walk(self, state: int, older: npt.NDArray[np.bool_]) -> int:
        """Back from the last state: the middle round's bits."""
        number = 0
        for step in reversed(range(self.bits, len(older))):
            if step < 2 * self.bits:
                number |= (state & 1) << (2 * self.bits - 1 - step)
            state = (state | int(older[step, state]) * self._states) >> 1
        return number

    @property
    def _states(self) -> int:
        return 1 << self.memory

    @cached_property
    def _outputs(self) -> Chips:
        """The chips of each window, (2 * states, generators)."""
        windows = np.arange(2 * self._states)[:, None] & np.asarray(self.generators)
        outputs: Chips = 1.0 - 2.0 * (np.bitwise_count(windows) & 1)
        return outputs
