"""`likeness verify` and `likeness calibrate` as a person uses them, on the sample personas."""

import json
import subprocess
import sys
from pathlib import Path
from shutil import copy

import pytest
from PIL import Image
from typer.testing import CliRunner

from models.calibration import Calibration
from models.errors import CalibrationRefused, InvalidInput, UnusableReference
from worker.cli import app
from worker.stack.samples import load_sample


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for each of two samples, with its first three pictures."""
    folder = tmp_path_factory.mktemp("people")
    for name in ("jonas", "maya"):
        (folder / name).mkdir()
        for number, data in enumerate(load_sample(name)[1][:3]):
            (folder / name / f"{number}.webp").write_bytes(data)
    return folder


def verify(image: Path, *references: Path, options: tuple[str, ...] = ()) -> tuple[int, str]:
    named = [word for path in references for word in ("--reference", str(path))]
    result = CliRunner().invoke(app, ["verify", str(image), *named, *options])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout


def test_the_same_person_passes(people: Path) -> None:
    jonas = people / "jonas"
    code, text = verify(jonas / "2.webp", jonas / "0.webp", jonas / "1.webp")
    assert code == 0
    assert text.startswith("pass\n")
    assert "floor" in text
    assert "24" in text  # what the calibration was made on


def test_another_person_and_a_copy_are_refused_with_the_reasons(people: Path) -> None:
    maya, jonas = people / "maya", people / "jonas"
    code, text = verify(
        jonas / "0.webp", maya / "0.webp", maya / "1.webp", jonas / "0.webp", options=("--json",)
    )
    assert code == 1
    answer = json.loads(text)
    assert answer["verdict"]["reasons"] == ["not-the-same-face", "copy-of-reference"]
    assert [each["faults"] for each in answer["references"]] == [[], [], ["another-person"]]
    assert answer["scores"]["nearestReference"]["byHash"] == "reference 3"


def test_a_profile_without_a_face_is_not_judged(people: Path, tmp_path: Path) -> None:
    Image.new("RGB", (200, 200), (90, 60, 30)).save(tmp_path / "wall.png")
    code, text = verify(tmp_path / "wall.png", people / "maya" / "0.webp", options=("--shot", "profile"))
    assert code == 0
    assert "not judged at 80 degrees of yaw" in text
    assert "no-face" in text


def test_bad_input_is_an_error_of_the_tree(people: Path, tmp_path: Path) -> None:
    face = people / "maya" / "0.webp"
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(UnusableReference):
        verify(tmp_path / "text.png", face)
    with pytest.raises(InvalidInput, match="no shot"):
        verify(face, face, options=("--shot", "nonsense"))
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(CalibrationRefused):
        verify(face, face, options=("--calibration", str(tmp_path / "other.json")))


def test_calibrate_writes_what_verify_reads(people: Path, tmp_path: Path) -> None:
    few, out = tmp_path / "few", tmp_path / "ours.json"
    for name in ("jonas", "maya"):
        (few / name).mkdir(parents=True)
        for number in range(2):
            copy(people / name / f"{number}.webp", few / name)
    (few / "maya" / "views.json").write_text('[{"file": "1.webp", "yaw_deg": 75}]')
    result = CliRunner().invoke(
        app, ["calibrate", str(few), "--domain", "rendered", "--out", str(out), "--made-on", "Two samples."]
    )
    assert result.exit_code == 0, result.output
    assert "EER" in result.stdout
    assert "too few for a false match rate of 0.1 %" in result.stderr
    calibration = Calibration.parse(out.read_text())
    assert (calibration.personas, calibration.images, calibration.made_on) == (2, 3, "Two samples.")
    with Image.open(out.with_suffix(".png")) as picture:
        assert picture.size == (960, 480)
    face = people / "maya" / "0.webp"
    code, text = verify(face, face, options=("--calibration", str(out)))
    assert code == 1
    assert "Two samples." in text
    again = CliRunner().invoke(
        app, ["calibrate", str(few), "--domain", "rendered", "--out", str(tmp_path / "again.json"), "--json"]
    )
    assert Calibration.parse(again.stdout).faces == calibration.faces


def test_an_unusable_gpu_asks_for_the_domain(people: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A laptop with PyPI's torch, built for CUDA, has no device that `auto` would take."""
    monkeypatch.setattr("torch.version.cuda", "13.0")
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    face = people / "maya" / "0.webp"
    with pytest.raises(InvalidInput, match="--domain rendered"):
        verify(face, people / "maya" / "1.webp")
    assert verify(face, people / "maya" / "1.webp", options=("--domain", "rendered"))[0] == 0


def test_it_needs_no_torch(people: Path) -> None:
    """The identity check is installed without the render extra, too."""
    code = (
        "import sys\n"
        "sys.modules['torch'] = None\n"
        "from worker.base.settings import Settings\n"
        "from worker.cli.faces.embedder import domain_of_profile\n"
        "print(domain_of_profile(Settings()), domain_of_profile(Settings(profile='flux2-klein')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["rendered", "photographs"]
