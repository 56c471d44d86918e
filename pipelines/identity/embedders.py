"""The available embedders, by name."""

from pathlib import Path

from models.errors import FaceModelMissing, WeightsMissing, WeightsRefused
from models.likeness import EmbedderName
from pipelines.identity.faces import FaceEmbedder
from pipelines.profile import Source
from pipelines.sources import AURAFACE, AURAFACE_FILE, FACES, YUNET, YUNET_FILE
from pipelines.weights import store_of, verify

SFACE_FILE = "face_recognition_sface_2021dec.onnx"


def load_embedder(name: EmbedderName, folder: Path, weights: Path) -> FaceEmbedder:
    """Loads an embedder. `folder` has the ONNX models that an operator brought; what isn't there is taken from
    `weights`, where `likeness models fetch faces` puts it. Raises FaceModelMissing."""
    if name is EmbedderName.DLIB:
        from pipelines.identity.dlib_faces import DlibFaces

        return DlibFaces()
    from pipelines.identity.onnx_faces import OnnxFaces

    detector = _found(YUNET_FILE, folder, YUNET, weights)
    if name is EmbedderName.YUNET_AURAFACE:
        return OnnxFaces(detector, _found(AURAFACE_FILE, folder, AURAFACE, weights), "auraface")
    return OnnxFaces(detector, _found(SFACE_FILE, folder, None, weights), "sface")


def _found(file: str, folder: Path, source: Source | None, weights: Path) -> Path:
    """The operator's own file, or the fetched one, compared with its lock."""
    if (folder / file).is_file():
        return folder / file
    if source is None:
        raise FaceModelMissing(
            f"{file} is not in {folder}. It isn't fetched, since it is unclear what it was trained on: get it from "
            "OpenCV's model zoo (https://github.com/opencv/opencv_zoo), and put it there.",
            file=file,
        )
    try:
        return verify(store_of(source, weights), source, profile=FACES).path / file
    except (WeightsMissing, WeightsRefused) as error:
        raise FaceModelMissing(f"{file} is not in {folder}, either. {error.message}", file=file) from None
