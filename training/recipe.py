"""All sizes of a training, in two versions: the real one (hours), and one that proves it runs (minutes)."""

from dataclasses import dataclass

from training.loop import Schedule


@dataclass(frozen=True)
class Recipe:
    identities: int  # for the reader
    corrected_identities: int  # the correction of its fits needs fewer people
    paired_identities: int  # and the finisher fewer still
    paired_held_out: int
    held_out: int
    basis: int  # people that the shape basis is fitted to
    size: int  # pixels a side of the pictures that are read
    pair_size: int  # and of the finisher's
    finder: Schedule
    reader: Schedule
    finisher: Schedule
    reader_widths: tuple[int, ...] = (40, 80, 144, 208)
    reader_risen: tuple[int, int] = (128, 96)
    finisher_widths: tuple[int, ...] = (48, 96, 160)


FULL = Recipe(
    identities=8000,
    corrected_identities=2000,
    paired_identities=320,
    paired_held_out=12,
    held_out=150,
    basis=1500,
    size=256,
    pair_size=512,
    finder=Schedule(steps=1000, batch=48, rate=1.5e-3, log_every=50, measure_every=500),
    reader=Schedule(steps=2600, batch=32, rate=1.5e-3, measure_every=250),
    finisher=Schedule(steps=2800, batch=8, rate=1e-3, measure_every=500, checkpoint_every=120),
)

SMOKE = Recipe(
    identities=50,
    corrected_identities=50,
    paired_identities=4,
    paired_held_out=2,
    held_out=25,
    basis=150,
    size=256,
    pair_size=128,
    finder=Schedule(steps=12, batch=8, measure_every=6, log_every=3),
    reader=Schedule(steps=12, batch=8, measure_every=6, log_every=3),
    finisher=Schedule(steps=12, batch=4, measure_every=6, log_every=3),
    reader_widths=(8, 16, 16, 16),
    reader_risen=(16, 16),
    finisher_widths=(16, 16, 16),
)

RECIPES = {"full": FULL, "smoke": SMOKE}
