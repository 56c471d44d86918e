"""The verify process's options, taken from the worker's settings."""

from models.domain import Domain
from models.gate_options import GateOptions
from worker.base.settings import Settings


def options_of(settings: Settings, domain: Domain) -> GateOptions:
    """`domain` is that of the images to judge."""
    return GateOptions(
        embedder=settings.embedder,
        face_models=str(settings.face_models_dir or settings.weights_dir / "faces"),
        weights=str(settings.weights_dir),
        domain=domain,
        calibration=str(settings.calibration) if settings.calibration else None,
        # An operator who set it means it; the default must not require what the calibration can't tell.
        any_domain="gate" in settings.model_fields_set,
    )
