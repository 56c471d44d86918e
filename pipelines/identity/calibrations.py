"""Reads calibration files, also the one that ships, and refuses those for another embedder."""

from importlib.resources import files
from pathlib import Path

from models.calibration import Calibration
from models.domain import Domain
from models.errors import CalibrationRefused, InvalidInput
from models.likeness import Embedder

_SUBJECTS: dict[Domain, str] = {"rendered": "rendered heads", "photographs": "photographs"}


def shipped(embedder: Embedder, domain: Domain) -> Calibration:
    """The package's own calibration for an embedder and a domain. Raises CalibrationRefused where there is none."""
    file = files(__name__.rpartition(".")[0]) / f"calibration-{embedder.name}-{domain}.json"
    if not file.is_file():
        raise CalibrationRefused(
            f"No calibration of {embedder.name} for {_SUBJECTS[domain]} ships: make one with `likeness calibrate "
            f"--domain {domain}` on faces that are like those you render."
        )
    calibration = Calibration.parse(file.read_bytes())
    refuse_foreign(calibration, embedder)
    return calibration


def read(path: Path, embedder: Embedder) -> Calibration:
    """Reads an operator's calibration file. Raises CalibrationRefused if it isn't one for this embedder."""
    try:
        calibration = Calibration.parse(path.read_bytes())
    except (OSError, InvalidInput) as error:
        raise CalibrationRefused(
            f"{path.name} is no calibration that can be read: {error} Make one anew with "
            "`likeness calibrate`."
        ) from None
    refuse_foreign(calibration, embedder)
    return calibration


def refuse_other_domain(calibration: Calibration, domain: Domain) -> None:
    """Raises CalibrationRefused unless the calibration was made for pictures of this domain."""
    if calibration.domain != domain:
        raise CalibrationRefused(
            f"The calibration was made for {_SUBJECTS[calibration.domain]}, and the profile renders "
            f"{_SUBJECTS[domain]}: its thresholds say little about them. Make one with `likeness calibrate "
            f"--domain {domain}`, or unset LIKENESS_CALIBRATION for the one that ships. To use it all the same, "
            "set LIKENESS_GATE to report or required: the default isn't taken for your wish.",
            calibrated_for=calibration.domain,
            domain=domain,
        )


def refuse_foreign(calibration: Calibration, embedder: Embedder) -> None:
    """Raises CalibrationRefused unless the calibration was made with this embedder and these models' bytes."""
    made_with = calibration.embedder
    if made_with == embedder:
        return
    if made_with.name != embedder.name:
        difference = f"{made_with.name}, and faces are described by {embedder.name}"
    else:
        names = sorted(
            name
            for name in made_with.files.keys() | embedder.files.keys()
            if made_with.files.get(name) != embedder.files.get(name)
        )
        difference = f"{made_with.name} with other model files ({', '.join(names)})"
    raise CalibrationRefused(
        f"The calibration was made for {difference}. Similarities of different embedders don't compare: make one "
        "with `likeness calibrate`.",
        made_for=made_with.name,
        embedder=embedder.name,
    )
