"""The verify process's options, taken from the worker's settings."""

from models.gate_options import GateOptions
from worker.base.settings import Settings


def options_of(settings: Settings) -> GateOptions:
    return GateOptions(
        embedder=settings.embedder,
        face_models=str(settings.face_models_dir or settings.weights_dir / "faces"),
        calibration=str(settings.calibration) if settings.calibration else None,
    )
