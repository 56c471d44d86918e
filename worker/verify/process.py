"""The parent's handle on the verify process: start, requests, watchdog, replacement."""

from collections.abc import Callable
from multiprocessing.context import SpawnContext

from models.domain import Domain
from models.errors import (
    CalibrationRefused,
    FaceModelMissing,
    SafetyModelMissing,
    VerifyError,
    VerifyProcessDied,
    VerifyProcessHung,
)
from models.likeness import Subject
from models.safety import SafetyReading
from worker.base.children.child_process import AnsweringProcess
from worker.base.children.spawned import SpawnedChild, spawning
from worker.base.raw_image import RawImage
from worker.base.settings import Settings
from worker.verify.child import main as child_main
from worker.verify.messages import (
    CheckReferences,
    ImageJudged,
    ImageScreened,
    JudgeImage,
    ReferencesChecked,
    ScreenImage,
    VerifyInfo,
    VerifyOptions,
)
from worker.verify.options import options_of, safety_options_of


class VerifyProcess(AnsweringProcess[VerifyInfo]):
    """The verify process.

    Requests call `raise_if_unwanted` many times a second; what that raises ends the request and the process. They
    raise VerifyProcessDied or VerifyProcessHung, FaceModelMissing, CalibrationRefused or SafetyModelMissing if it
    can't be loaded, and what the gate raised.
    """

    def __init__(self, settings: Settings, domain: Domain, *, screens: bool = False) -> None:
        """`domain` is that of the images to judge. `screens`: it has the safety gate, too."""
        super().__init__(settings.load_timeout, settings.judge_timeout)
        self._options = VerifyOptions(
            gate=None if settings.gate == "off" else options_of(settings, domain),
            safety=safety_options_of(settings) if screens else None,
        )
        self._spawning = spawning()

    def check_references(
        self, images: tuple[RawImage, ...], subject: Subject, raise_if_unwanted: Callable[[], None]
    ) -> ReferencesChecked:
        """Measures a job's references. Raises NoUsableReference."""
        answer = self._ask(CheckReferences(images, subject), raise_if_unwanted)
        assert isinstance(answer, ReferencesChecked)
        return answer

    def judge(self, request: JudgeImage, raise_if_unwanted: Callable[[], None]) -> ImageJudged:
        """Judges one image."""
        answer = self._ask(request, raise_if_unwanted)
        assert isinstance(answer, ImageJudged)
        return answer

    def screen(self, image: RawImage, raise_if_unwanted: Callable[[], None]) -> SafetyReading:
        """Looks whether an image may be stored."""
        answer = self._ask(ScreenImage(image), raise_if_unwanted)
        assert isinstance(answer, ImageScreened)
        return answer.reading

    def _spawn(self) -> "_Child":
        return _Child(self._spawning, self._options)


class _Child(SpawnedChild[VerifyInfo]):
    what = "verify process"
    died = VerifyProcessDied
    hung = VerifyProcessHung
    slow_to_load = VerifyProcessHung
    load_failures = (VerifyError, FaceModelMissing, CalibrationRefused, SafetyModelMissing)

    def __init__(self, spawn: SpawnContext, options: VerifyOptions) -> None:
        super().__init__(spawn, child_main, options)
