"""All sizes of a training, in two versions: the real one (hours), and one that proves it runs (minutes)."""

from dataclasses import dataclass

from training.loop import Schedule


@dataclass(frozen=True)
class Recipe:
    identities: int  # for reader and denoiser
    codec_identities: int  # the autoencoder needs fewer people
    corrected_identities: int  # so does the correction of the reader's fits
    held_out: int
    basis: int  # people that the shape basis is fitted to
    size: int  # pixels a side
    channels: int  # of a latent; its side is size / 16
    codec: Schedule
    finder: Schedule
    reader: Schedule
    denoiser: Schedule
    finisher: Schedule
    codec_widths: tuple[int, int, int] = (160, 96, 48)  # at size / 16, / 8 and / 4
    reader_widths: tuple[int, ...] = (40, 80, 144, 208)
    reader_risen: tuple[int, int] = (128, 96)
    denoiser_widths: tuple[int, ...] = (128, 224)
    drawing_widths: tuple[int, int] = (64, 128)  # of what reads the buffers
    hidden: int = 512  # of what reads code and view


FULL = Recipe(
    identities=8000,
    codec_identities=1500,
    corrected_identities=2000,
    held_out=150,
    basis=1500,
    size=256,
    channels=40,
    codec=Schedule(steps=4000, batch=8, rate=1e-3),
    finder=Schedule(steps=1000, batch=48, rate=1.5e-3, log_every=50, measure_every=500),
    reader=Schedule(steps=2600, batch=32, rate=1.5e-3, measure_every=250),
    denoiser=Schedule(steps=2300, batch=32, rate=8e-4, measure_every=250, checkpoint_every=180),
    finisher=Schedule(steps=2800, batch=8, rate=1e-3, measure_every=500, checkpoint_every=120),
)

SMOKE = Recipe(
    identities=50,
    codec_identities=25,
    corrected_identities=50,
    held_out=25,
    basis=150,
    size=256,
    channels=12,
    codec=Schedule(steps=12, batch=4, measure_every=6, log_every=3),
    finder=Schedule(steps=12, batch=8, measure_every=6, log_every=3),
    reader=Schedule(steps=12, batch=8, measure_every=6, log_every=3),
    denoiser=Schedule(steps=12, batch=4, measure_every=6, log_every=3),
    finisher=Schedule(steps=12, batch=4, measure_every=6, log_every=3),
    codec_widths=(32, 16, 16),
    reader_widths=(8, 16, 16, 16),
    reader_risen=(16, 16),
    denoiser_widths=(32, 64),
    drawing_widths=(16, 16),
    hidden=32,
)

RECIPES = {"full": FULL, "smoke": SMOKE}
