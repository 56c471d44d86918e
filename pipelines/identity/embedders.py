"""The embedders that can be had, by name."""

from enum import StrEnum
from pathlib import Path

from pipelines.identity.faces import FaceEmbedder


class EmbedderName(StrEnum):
    """What finds faces, and what describes them."""

    DLIB = "dlib"
    """What pip installs; the only one with a calibration of ours."""
    YUNET_SFACE = "yunet-sface"
    YUNET_AURAFACE = "yunet-auraface"


def load_embedder(name: EmbedderName, folder: Path) -> FaceEmbedder:
    """Load one; `folder` has the ONNX models that an operator brought. Raises FaceModelMissing."""
    if name is EmbedderName.DLIB:
        from pipelines.identity.dlib_faces import DlibFaces

        return DlibFaces()
    from pipelines.identity.onnx_faces import OnnxFaces

    return OnnxFaces(folder, name.removeprefix("yunet-"))
