"""Loads the safety gate's classifier from its options."""

from importlib import import_module
from pathlib import Path

from models.errors import SafetyModelMissing, WeightsMissing, WeightsRefused
from models.safety import SafetyInfo, SafetyOptions
from pipelines.identity.embedders import load_embedder
from pipelines.identity.faces import FaceEmbedder
from pipelines.identity.pictures import as_picture
from pipelines.safety.classifiers import FindFaces, ModelClassifier, OwnClassifier, SafetyClassifier
from pipelines.safety.config import read_age, read_nudity
from pipelines.safety.onnx_classifier import OnnxClassifier
from pipelines.sources import SAFETY, SAFETY_NAME
from pipelines.weights import store_of, verify

_FETCHED = Path(__file__).with_name("falconsai.json")
NUDITY_FILE, AGE_FILE = "nudity.json", "age.json"
"""What an operator's folder has beside the models. Age is optional."""


def load_safety(options: SafetyOptions, faces: FaceEmbedder | None) -> SafetyClassifier:
    """Loads what looks at images. `faces` finds faces for a model of age; without it, one is loaded for that.

    Raises SafetyModelMissing, or FaceModelMissing.
    """
    if options.classifier:
        return _own(options.classifier)
    if options.models is None:
        return _fetched(Path(options.weights))
    folder = Path(options.models)
    config = read_nudity(folder / NUDITY_FILE)
    nudity = OnnxClassifier(folder, config)
    files = {config.model: nudity.sha256}
    if not (folder / AGE_FILE).exists():
        return ModelClassifier(nudity, None, _info(files, judges_age=False))
    age_config = read_age(folder / AGE_FILE)
    age = OnnxClassifier(folder, age_config)
    files[age_config.model] = age.sha256
    return ModelClassifier(nudity, (age, age_config, _finder(faces, options)), _info(files, judges_age=True))


def _finder(faces: FaceEmbedder | None, options: SafetyOptions) -> FindFaces:
    finder = faces or load_embedder(options.embedder, Path(options.face_models), Path(options.weights))
    return lambda image: [face.box for face in finder.find(as_picture(image))]


def _info(files: dict[str, str], *, judges_age: bool) -> SafetyInfo:
    return SafetyInfo(classifier=" + ".join(files), files=files, judges_age=judges_age)


def _fetched(weights: Path) -> SafetyClassifier:
    """The one that `likeness models fetch safety` brought, compared with its lock."""
    try:
        folder = verify(store_of(SAFETY, weights), SAFETY, profile=SAFETY_NAME).path
    except (WeightsMissing, WeightsRefused) as error:
        raise SafetyModelMissing(
            f"{error.message} Or set LIKENESS_SAFETY=off, and nobody looks at images before they are stored."
        ) from None
    config = read_nudity(_FETCHED)
    nudity = OnnxClassifier(folder, config)
    info = SafetyInfo(classifier=SAFETY.repository, files={config.model: nudity.sha256}, judges_age=False)
    return ModelClassifier(nudity, None, info)


def _own(name: str) -> SafetyClassifier:
    module, _, function = name.partition(":")
    try:
        found = getattr(import_module(module), function)
    except Exception as error:  # noqa: BLE001 - whatever an operator's module raises, there is no classifier
        raise SafetyModelMissing(
            f"LIKENESS_SAFETY_CLASSIFIER is {name!r}, which can't be imported ({type(error).__name__}). Give "
            "`module:function`."
        ) from None
    if not callable(found):
        raise SafetyModelMissing(f"LIKENESS_SAFETY_CLASSIFIER is {name!r}, which isn't a function.")
    return OwnClassifier(name, found)
