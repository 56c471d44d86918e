"""The verify process's options, taken from the worker's settings."""

from dataclasses import dataclass

from models.domain import Domain
from models.fake import FAKE_PROFILE
from models.gate_options import GateOptions
from models.safety import SafetyMode, SafetyOptions
from worker.base.settings import Settings


def options_of(settings: Settings, domain: Domain) -> GateOptions:
    """`domain` is that of the images to judge."""
    return GateOptions(
        embedder=settings.embedder,
        face_models=_face_models(settings),
        weights=str(settings.weights_dir),
        domain=domain,
        fake=settings.profile == FAKE_PROFILE,
        calibration=str(settings.calibration) if settings.calibration else None,
        # An operator who set it means it; the default must not require what the calibration can't tell.
        any_domain="gate" in settings.model_fields_set,
    )


@dataclass(frozen=True, slots=True)
class SafetyChoice:
    """Whether images are looked at before they are stored, and why: the end of a sentence."""

    mode: SafetyMode
    why: str


def safety_choice(settings: Settings, reads_text: bool | None) -> SafetyChoice:
    """`reads_text`: whether words of jobs decide what the profile renders. Null, which is not stated, counts as
    yes."""
    if settings.safety is not None:
        return SafetyChoice(settings.safety, f"LIKENESS_SAFETY is {settings.safety}")
    if reads_text is False:
        return SafetyChoice("off", "the profile reads no text")
    return SafetyChoice("required", "the profile reads text")


def safety_options_of(settings: Settings) -> SafetyOptions:
    folder = settings.safety_models_dir
    return SafetyOptions(
        classifier=settings.safety_classifier,
        models=str(folder) if folder else None,
        weights=str(settings.weights_dir),
        embedder=settings.embedder,
        face_models=_face_models(settings),
    )


def _face_models(settings: Settings) -> str:
    return str(settings.face_models_dir or settings.weights_dir / "faces")
