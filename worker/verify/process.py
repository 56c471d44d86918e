"""The parent's handle on the verify process: start, requests, watchdog, replacement."""

import threading
from multiprocessing.context import SpawnContext

import structlog

from models.errors import VerifyProcessDied, VerifyProcessHung
from models.gate import GateInfo
from models.likeness import Subject
from worker.render.messages import RawImage
from worker.settings import Settings
from worker.spawned import Failed, SpawnedChild, spawning
from worker.verify.child import main as child_main
from worker.verify.messages import CheckReferences, FromChild, ImageJudged, JudgeImage, ReferencesChecked
from worker.verify.options import options_of

log = structlog.get_logger()


class VerifyProcess:
    """Spawned at first use, and again after it died, hung or was killed. Threads that share it take turns.

    Methods that ask it raise VerifyProcessDied or VerifyProcessHung, FaceModelMissing or CalibrationRefused where
    it can't be loaded, and what the gate raised.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._spawn = spawning()
        self._turn = threading.Lock()
        self._child: _Child | None = None

    def start(self) -> GateInfo:
        """Spawn the process and wait until its models are loaded."""
        with self._turn:
            return self._ready_child().info()

    @property
    def pid(self) -> int | None:
        """The process's id while there is one."""
        child = self._child
        return child.process.pid if child else None

    def stop(self) -> None:
        """End the process. A request under way fails."""
        child, self._child = self._child, None
        if child:
            child.kill()

    def check(self, images: tuple[RawImage, ...], subject: Subject) -> ReferencesChecked:
        """Measure a job's references. Raises NoUsableReference."""
        answer = self._ask(CheckReferences(images, subject))
        assert isinstance(answer, ReferencesChecked)
        return answer

    def judge(self, request: JudgeImage) -> ImageJudged:
        answer = self._ask(request)
        assert isinstance(answer, ImageJudged)
        return answer

    def _ask(self, request: CheckReferences | JudgeImage) -> FromChild:
        with self._turn:
            child = self._ready_child()
            try:
                child.send(request, self._settings.hang_timeout)
                answer: FromChild = child.receive(self._settings.hang_timeout, _go_on)
            except (VerifyProcessDied, VerifyProcessHung):
                log.warning("verify_process.lost", pid=child.process.pid, exitcode=child.process.exitcode)
                self.stop()
                raise
        if isinstance(answer, Failed):
            raise answer.error
        return answer

    def _ready_child(self) -> "_Child":
        if self._child is None or not self._child.process.is_alive():
            self.stop()
            self._child = _Child(self._spawn, self._settings)
        child = self._child
        try:
            child.wait_ready(self._settings.load_timeout, _go_on)
        except Exception:
            self.stop()
            raise
        return child


class _Child(SpawnedChild[GateInfo]):
    what = "verify process"
    died = VerifyProcessDied
    hung = VerifyProcessHung

    def __init__(self, spawn: SpawnContext, settings: Settings) -> None:
        super().__init__(spawn, child_main, options_of(settings))


def _go_on() -> None:
    """A request takes a second or so: it isn't called off."""
