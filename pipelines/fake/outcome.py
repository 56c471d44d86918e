"""What a job of the profile `fake` is to end with, as its persona's `vibe` says.

    vibe: "fake: slow=2, miss=front"

Any other vibe asks for nothing: such a job completes at once.
"""

from dataclasses import dataclass, replace

from models.errors import InvalidInput

PREFIX = "fake:"
_WORDS = "slow=SECONDS, miss, miss=SHOT, fail, no-reference"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ends."""

    seconds: float = 0.0
    """That each image takes."""
    missed: tuple[str, ...] = ()
    """Shots whose every try misses the likeness. `*` is all of them."""
    fails: bool = False
    """The device fails at every attempt."""
    has_no_reference: bool = False
    """None of the references can be used."""

    def misses(self, shot: str) -> bool:
        return "*" in self.missed or shot in self.missed

    @classmethod
    def of(cls, vibe: str | None) -> "Outcome":
        """Reads a persona's vibe. Raises InvalidInput for an unknown word after the prefix."""
        outcome = cls()
        if not (vibe or "").startswith(PREFIX):
            return outcome
        for word in (vibe or "").removeprefix(PREFIX).replace(",", " ").split():
            outcome = outcome._with(word)
        return outcome

    def _with(self, word: str) -> "Outcome":
        name, _, value = word.partition("=")
        match name:
            case "slow" if value.replace(".", "", 1).isdecimal():
                return replace(self, seconds=min(float(value), 600.0))
            case "miss":
                return replace(self, missed=(*self.missed, value or "*"))
            case "fail" if not value:
                return replace(self, fails=True)
            case "no-reference" if not value:
                return replace(self, has_no_reference=True)
        raise InvalidInput(f"The profile fake knows no outcome {word[:64]!r}. It knows: {_WORDS}.")
