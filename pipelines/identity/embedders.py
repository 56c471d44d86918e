"""The available embedders, by name."""

from pathlib import Path

from models.likeness import EmbedderName
from pipelines.identity.faces import FaceEmbedder


def load_embedder(name: EmbedderName, folder: Path) -> FaceEmbedder:
    """Loads an embedder. `folder` has the ONNX models that an operator brought. Raises FaceModelMissing."""
    if name is EmbedderName.DLIB:
        from pipelines.identity.dlib_faces import DlibFaces

        return DlibFaces()
    from pipelines.identity.onnx_faces import OnnxFaces

    return OnnxFaces(folder, name.removeprefix("yunet-"))
