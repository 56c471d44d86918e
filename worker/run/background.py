"""Background work of an attempt: judgements, one after another; watermarking and uploads, several at once."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, wait
from typing import Any, TypeVar

T = TypeVar("T")


class BackgroundWork:
    """Background work of one attempt. Methods call `raise_if_unwanted` while they wait. Judgements add uploads."""

    def __init__(self, judging: Executor, uploading: Executor, raise_if_unwanted: Callable[[], None]) -> None:
        self._judging = judging
        self._uploading = uploading
        self._raise_if_unwanted = raise_if_unwanted
        self._marks: list[Future[Any]] = []
        self._judgements: list[Future[None]] = []
        self._uploads: list[Future[None]] = []

    def mark(self, mark: Callable[..., T], *arguments: Any) -> Future[T]:
        """Begins to watermark an image. A judgement waits for it, so that images are judged in their order."""
        marking = self._uploading.submit(mark, *arguments)
        self._marks.append(marking)
        return marking

    def judge(self, judge: Callable[..., None], *arguments: Any) -> None:
        self._judgements.append(self._judging.submit(judge, *arguments))

    def upload(self, upload: Callable[..., None], *arguments: Any) -> None:
        self._uploads.append(self._uploading.submit(upload, *arguments))

    def ask_gate(self, ask: Callable[..., T], *arguments: Any) -> T:
        """Asks the gate and returns its answer, which comes after all judgements that were asked for before."""
        answer = self._judging.submit(ask, *arguments)
        try:
            self._wait([answer])
        finally:
            answer.cancel()
        return answer.result()

    def finish_judgements(self) -> None:
        """Waits for all judgements, then raises what failed."""
        self._wait(self._judgements)
        self.raise_failures()

    def finish_uploads(self) -> None:
        """Waits for all uploads, then raises what failed."""
        self._wait(self._uploads)
        self.raise_failures()

    def raise_failures(self) -> None:
        """Raises the error of a finished judgement or upload, if one failed."""
        for work in (*self._judgements, *self._uploads):
            if work.done():
                work.result()

    def settle(self) -> None:
        """Waits until nothing is in flight, however it ends."""
        wait(self._marks)
        wait(self._judgements)
        wait(self._uploads)

    def _wait(self, work: Sequence[Future[Any]]) -> None:
        while wait(work, timeout=0.2).not_done:
            self._raise_if_unwanted()
