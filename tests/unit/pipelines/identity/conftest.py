"""Real faces: the three sample personas, measured once by dlib for all tests here."""

from io import BytesIO

import pytest
from PIL import Image

from pipelines.identity.calibrations import shipped
from pipelines.identity.dlib_faces import DlibFaces
from pipelines.identity.gate import LikenessGate
from pipelines.identity.portrait import Portrait
from tests.support.pictures.samples import Sample
from worker.stack.samples import load_sample


@pytest.fixture(scope="session")
def sample() -> Sample:
    """A sample persona's picture, by name and number."""

    def load(name: str, number: int) -> Image.Image:
        return Image.open(BytesIO(load_sample(name)[1][number])).convert("RGB")

    return load


@pytest.fixture(scope="session")
def dlib_faces() -> DlibFaces:
    return DlibFaces()


@pytest.fixture(scope="session")
def gate(dlib_faces: DlibFaces) -> LikenessGate:
    return LikenessGate(dlib_faces, shipped(dlib_faces.embedder, "rendered"), "rendered")


@pytest.fixture(scope="session")
def portraits(gate: LikenessGate, sample: Sample) -> dict[str, list[Portrait]]:
    """Every sample persona's pictures, measured."""
    return {
        name: [gate.portrait(sample(name, number)) for number in range(6)]
        for name in ("jonas", "maya", "robin")
    }
