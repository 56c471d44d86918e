"""Loads a gate from its options."""

from pathlib import Path

from models.gate_options import GateOptions
from pipelines.identity import calibrations
from pipelines.identity.embedders import load_embedder
from pipelines.identity.gate import LikenessGate


def load_gate(options: GateOptions) -> LikenessGate:
    """Loads the embedder and its calibration. Raises FaceModelMissing or CalibrationRefused."""
    faces = load_embedder(options.embedder, Path(options.face_models), Path(options.weights))
    if not options.calibration:
        return LikenessGate(faces, calibrations.shipped(faces.embedder, options.domain), options.domain)
    calibration = calibrations.read(Path(options.calibration), faces.embedder)
    if not options.any_domain:
        calibrations.refuse_other_domain(calibration, options.domain)
    return LikenessGate(faces, calibration, options.domain)
