"""What `likeness verify` and `likeness calibrate` share: the options that choose an embedder, and pictures."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from PIL import Image

    from pipelines.identity.faces import FaceEmbedder

EmbedderOption = Annotated[
    Literal["dlib", "yunet-sface", "yunet-auraface"],
    typer.Option(
        "--embedder", help="What finds and describes faces; only dlib needs no model files of yours."
    ),
]
FaceModelsOption = Annotated[
    Path | None,
    typer.Option(
        "--face-models",
        help="Folder of the ONNX models that you brought; `faces` in LIKENESS_WEIGHTS_DIR if not given.",
        file_okay=False,
    ),
]


def load(name: str, folder: Path | None) -> "FaceEmbedder":
    """Raises FaceModelMissing."""
    from pipelines.identity.embedders import EmbedderName, load_embedder
    from worker.settings import settings

    return load_embedder(EmbedderName(name), folder or settings().weights_dir / "faces")


def read_picture(path: Path) -> "Image.Image":
    """An image file as a worker would read a reference. Raises UnusableReference."""
    from worker.references.decode import DecodeLimits, decode_reference
    from worker.settings import settings

    return decode_reference(path.read_bytes(), DecodeLimits.from_settings(settings()))
