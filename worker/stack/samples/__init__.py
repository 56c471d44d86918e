"""Three invented personas that ship with the package, for a first run and for tests. CC0; see README.md."""

from importlib.resources import files

from models.errors import InvalidInput
from models.influencer import Influencer

SAMPLES: tuple[str, ...] = ("jonas", "maya", "robin")
"""The personas' names, as `load_sample` takes them."""


def load_sample(name: str) -> tuple[Influencer, list[bytes]]:
    """Loads a persona's row and its reference images (WebP, 512 x 512 pixels). Raises InvalidInput."""
    if name not in SAMPLES:
        raise InvalidInput(f"There is no sample persona {name[:64]!r}. Choose from: {', '.join(SAMPLES)}.")
    folder = files(__name__) / name
    row = Influencer.parse((folder / "persona.json").read_bytes())
    images = sorted(
        (file for file in folder.iterdir() if file.name.endswith(".webp")), key=lambda file: file.name
    )
    return row, [image.read_bytes() for image in images]
