"""The seam's second implementation, on tiny models of the real shapes: files, scaling, alignment, colour order."""

from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.errors import FaceModelMissing
from models.likeness import EmbedderName
from pipelines.identity.embedders import load_embedder
from pipelines.identity.faces import Picture
from pipelines.identity.onnx_faces import OnnxFaces, Recogniser
from pipelines.identity.similarity import similarity
from pipelines.profile import Source
from pipelines.registry import sources_named
from pipelines.sources import AURAFACE_FILE, FACES, YUNET_FILE
from pipelines.weights import Lock, LockedFile, WeightStore
from tests.support.weights.tiny_onnx import RECOGNISER_FILES, write_models

RECOGNISERS: tuple[Recogniser, ...] = ("sface", "auraface")


def onnx_faces(folder: Path, recogniser: Recogniser) -> OnnxFaces:
    return OnnxFaces(folder / YUNET_FILE, folder / RECOGNISER_FILES[recogniser], recogniser)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("faces")
    write_models(folder)
    return folder


def picture(
    *places: tuple[int, int], around: tuple[int, int, int] = (130, 130, 130), scale: int = 1
) -> Picture:
    """640 x 512 pixels with a blue square at each place (left, top), times `scale`."""
    image = Image.new("RGB", (640, 512), around)
    for left, top in places:
        image.paste((0, 0, 255), (left, top, left + 32, top + 32))
    return np.asarray(image.resize((640 * scale, 512 * scale), Image.Resampling.NEAREST))


@pytest.mark.parametrize("recogniser", RECOGNISERS)
def test_every_face_is_found_where_it_is(recogniser: Recogniser, folder: Path) -> None:
    faces = onnx_faces(folder, recogniser)
    assert faces.find(picture()) == []
    (face,) = faces.find(picture((96, 64)))
    assert (face.box.left, face.box.top, face.box.right, face.box.bottom) == (80, 48, 144, 112)
    assert face.landmarks.tolist()[2] == [112, 80]
    assert len(faces.find(picture((32, 64), (192, 128)))) == 2


def test_in_a_large_picture_places_are_those_of_the_large_one(folder: Path) -> None:
    (face,) = onnx_faces(folder, "sface").find(picture((96, 64), scale=4))
    assert (face.box.left, face.box.top, face.box.side) == (320, 192, 256)
    assert face.landmarks.tolist()[2] == [448, 320]


@pytest.mark.parametrize("recogniser", RECOGNISERS)
def test_descriptors_tell_what_is_in_the_face(recogniser: Recogniser, folder: Path) -> None:
    faces = onnx_faces(folder, recogniser)

    def vector(at: tuple[int, int], around: tuple[int, int, int], scale: int = 1) -> np.ndarray:
        view = picture(at, around=around, scale=scale)
        return faces.describe(view, faces.find(view)[0])

    one = vector((96, 64), (130, 40, 20))
    others = np.stack(
        [
            vector((192, 128), (130, 40, 20)),
            vector((96, 64), (130, 40, 20), 3),
            vector((96, 64), (20, 140, 20)),
        ]
    )
    moved, enlarged, other = similarity("cosine", one, others)
    assert min(moved, enlarged) > 0.995 > 0.95 > other


def test_auraface_gets_red_first_and_values_about_zero(folder: Path) -> None:
    faces = onnx_faces(folder, "auraface")
    view = picture((96, 64), around=(255, 0, 0))
    red, green, blue = faces.describe(view, faces.find(view)[0]).reshape(3, 64)
    assert (red.max(), green.max()) == pytest.approx((1, -1), abs=1e-3)
    assert blue.max() > 0.9
    assert min(red.min(), blue.min()) >= -1.001


def test_the_record_names_both_files(folder: Path) -> None:
    sface, auraface = (onnx_faces(folder, recogniser).embedder for recogniser in RECOGNISERS)
    assert (sface.name, auraface.name) == ("yunet-sface", "yunet-auraface")
    assert sface.files.keys() == {YUNET_FILE, "face_recognition_sface_2021dec.onnx"}
    assert auraface.files.keys() == {YUNET_FILE, "glintr100.onnx"}


@pytest.mark.parametrize("name", [EmbedderName.YUNET_SFACE, EmbedderName.YUNET_AURAFACE])
def test_a_missing_file_is_named(name: EmbedderName, tmp_path: Path) -> None:
    with pytest.raises(FaceModelMissing, match=YUNET_FILE):
        load_embedder(name, tmp_path, tmp_path)


def test_what_was_fetched_is_used_where_nothing_was_brought(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(FaceModelMissing, match="likeness models fetch faces"):
        load_embedder(EmbedderName.YUNET_AURAFACE, tmp_path, tmp_path)
    for source in sources_named(FACES):
        lock_copy(source, folder, WeightStore(tmp_path))
    fetched = load_embedder(EmbedderName.YUNET_AURAFACE, tmp_path / "none", tmp_path)
    assert fetched.embedder == onnx_faces(folder, "auraface").embedder
    (tmp_path / "fal--AuraFace-v1" / AURAFACE_FILE).write_bytes(b"other bytes")
    with pytest.raises(FaceModelMissing, match="the lock says"):
        load_embedder(EmbedderName.YUNET_AURAFACE, tmp_path / "none", tmp_path)


def lock_copy(source: Source, folder: Path, store: WeightStore) -> None:
    """What a fetch leaves: the source's file and its lock."""
    (file,) = source.files
    data = (folder / file).read_bytes()
    store.folder(source).mkdir()
    (store.folder(source) / file).write_bytes(data)
    locked = LockedFile(sha256=sha256(data).hexdigest(), bytes=len(data))
    assert source.revision
    Lock(
        repository=source.repository, revision=source.revision, patterns=source.files, files={file: locked}
    ).write(store.lock_path(source))


@pytest.mark.parametrize("recogniser", RECOGNISERS)
def test_a_broken_file_is_refused(recogniser: Recogniser, folder: Path, tmp_path: Path) -> None:
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(b"no model")
    with pytest.raises(FaceModelMissing, match="can't read"):
        onnx_faces(tmp_path, recogniser)


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (3000, 2)])
def test_no_size_is_too_odd_to_look_at(size: tuple[int, int], folder: Path) -> None:
    assert onnx_faces(folder, "sface").find(np.zeros((size[1], size[0], 3), dtype=np.uint8)) == []
