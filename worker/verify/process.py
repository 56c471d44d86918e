"""The parent's handle on the verify process: start, requests, watchdog, replacement."""

from collections.abc import Callable
from multiprocessing.context import SpawnContext

import structlog

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
from worker.base.child_process import ChildProcess
from worker.base.raw_image import RawImage
from worker.base.settings import Settings
from worker.base.spawned import Failed, SpawnedChild, spawning
from worker.verify.child import main as child_main
from worker.verify.messages import (
    CheckReferences,
    FromChild,
    ImageJudged,
    ImageScreened,
    JudgeImage,
    ReferencesChecked,
    ScreenImage,
    ToChild,
    VerifyInfo,
    VerifyOptions,
)
from worker.verify.options import options_of, safety_options_of

log = structlog.get_logger()


class VerifyProcess(ChildProcess["_Child"]):
    """The verify process. It is spawned at first use, and again after it died, hung or was killed. Threads that
    share it take turns.

    Requests call `raise_if_unwanted` many times a second; what that raises ends the request and the process. They
    raise VerifyProcessDied or VerifyProcessHung, FaceModelMissing, CalibrationRefused or SafetyModelMissing if it
    can't be loaded, and what the gate raised.
    """

    def __init__(self, settings: Settings, domain: Domain, *, screens: bool = False) -> None:
        """`domain` is that of the images to judge. `screens`: it has the safety gate, too."""
        super().__init__(settings.load_timeout)
        self._settings = settings
        self._options = VerifyOptions(
            gate=None if settings.gate == "off" else options_of(settings, domain),
            safety=safety_options_of(settings) if screens else None,
        )
        self._spawning = spawning()

    def start(self) -> VerifyInfo:
        """Spawns the process and waits until its models are loaded."""
        with self._turn:
            return self._ready_child(lambda: None).info()

    @property
    def is_ready(self) -> bool:
        """Whether it is loaded, or there is none: the next request then loads one."""
        child = self._child
        return child is None or child.is_loaded

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

    def _ask(self, request: ToChild, raise_if_unwanted: Callable[[], None]) -> FromChild:
        with self._turn:
            child = self._ready_child(raise_if_unwanted)
            try:
                child.send(request, self._settings.judge_timeout)
                answer: FromChild = child.receive(self._settings.judge_timeout, raise_if_unwanted)
            except BaseException as error:
                # It would still answer a request that nobody waits for. A new one loads in a second.
                log.warning("verify_process.ended", pid=child.process.pid, why=type(error).__name__)
                self.stop()
                raise
        if isinstance(answer, Failed):
            raise answer.error
        return answer

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
