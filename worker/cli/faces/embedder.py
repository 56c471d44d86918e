"""Options that `likeness verify` and `likeness calibrate` share: the embedder, and how pictures are read."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models.domain import Domain
from models.likeness import EmbedderName

if TYPE_CHECKING:
    from PIL import Image

    from models.gate_options import GateOptions
    from pipelines.identity.faces import FaceEmbedder
    from pipelines.profile import Profile
    from worker.base.settings import Settings

EmbedderOption = Annotated[
    EmbedderName | None,
    typer.Option(
        "--embedder",
        help="What finds and describes faces, else LIKENESS_EMBEDDER; only dlib needs no model files of yours.",
    ),
]
FaceModelsOption = Annotated[
    Path | None,
    typer.Option(
        "--face-models",
        help="Folder of the ONNX models that you brought, else LIKENESS_FACE_MODELS_DIR.",
        file_okay=False,
    ),
]


def options(
    embedder: EmbedderName | None,
    face_models: Path | None,
    calibration: Path | None = None,
    domain: Domain | None = None,
) -> "GateOptions":
    """The gate's options from the settings, overridden by those of the command line. `domain` is the configured
    profile's where none is given. Raises InvalidInput if the profile is `auto` and the GPU can't be used."""
    from models.errors import DeviceUnfit, InvalidInput
    from worker.base.settings import settings
    from worker.verify.options import options_of

    configured = settings()
    given = {"embedder": embedder, "face_models_dir": face_models, "calibration": calibration}
    chosen = {name: value for name, value in given.items() if value is not None}
    try:
        domain = domain or domain_of_profile(configured)
    except DeviceUnfit as unfit:
        raise InvalidInput(
            "What the pictures are can't be told from the configured profile, since LIKENESS_PROFILE is `auto` and "
            "the device can't be used. Say it with --domain rendered or --domain photographs."
        ) from unfit
    return options_of(configured.model_copy(update=chosen), domain)


def domain_of_profile(configured: "Settings") -> Domain:
    """What the configured profile renders. Raises DeviceUnfit."""
    return configured_profile(configured).domain


def configured_profile(configured: "Settings") -> "Profile":
    """The configured profile. `auto` looks for a GPU; raises DeviceUnfit for an unusable one."""
    from pipelines.loading import chosen_profile
    from pipelines.registry import CPU_PROFILE, profile_named
    from worker.render.options import options_of as render_options_of

    try:
        return chosen_profile(render_options_of(configured))
    except ImportError:  # there is no torch here, and so no GPU profile
        return profile_named(CPU_PROFILE)


def load(embedder: EmbedderName | None, face_models: Path | None) -> "FaceEmbedder":
    """Loads the embedder. Raises FaceModelMissing."""
    from pipelines.identity.embedders import load_embedder

    chosen = options(embedder, face_models, domain="rendered")  # an embedder has none
    return load_embedder(chosen.embedder, Path(chosen.face_models), Path(chosen.weights))


def read_picture(path: Path) -> "Image.Image":
    """Reads an image file as a worker would read a reference. Raises UnusableReference."""
    from worker.base.settings import settings
    from worker.references.decode import decode_reference
    from worker.references.limits import DecodeLimits

    return decode_reference(path.read_bytes(), DecodeLimits.from_settings(settings()))
