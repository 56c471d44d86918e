"""Shows a job's progress: bars on a terminal, a plain line for each event anywhere else."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from models.event import JobEvent
from worker.cli.table import plain


class Shown(ABC):
    """One job's progress on a console. Use it in a `with` block."""

    @abstractmethod
    def waits(self, for_what: str) -> None:
        """Says what the job waits for. Saying the same again changes nothing."""

    @abstractmethod
    def event(self, event: JobEvent) -> None:
        """Shows the next event."""

    @abstractmethod
    def __enter__(self) -> Self: ...

    @abstractmethod
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None: ...


def shown_on(console: Console) -> Shown:
    """Bars if the console is a terminal, else lines."""
    return _Bars(console) if console.is_terminal else _Lines(console)


def sentence(event: JobEvent) -> str:
    """What happened, in a few words that can be printed on a terminal."""
    match event:
        case JobEvent(type="job.progress"):
            said = f"{event.shot}: step {event.step} of {event.steps}"
        case JobEvent(image=image) if image:
            said = f"{image.shot}: stored"
        case JobEvent(missed=missed) if missed:
            reasons = ", ".join(missed.judgement.verdict.reasons)
            said = f"{missed.shot}: try {missed.number} missed the likeness ({reasons})"
        case JobEvent(refused=refused) if refused:
            said = f"{refused.shot}: refused by the safety gate"
        case JobEvent(reference=reference) if reference:
            said = f"reference {reference.index + 1} left out: {reference.code}"
        case JobEvent(noted=noted) if noted:
            said = f"reference {noted.index + 1}: {noted.message}"
        case JobEvent(error=error) if error:
            said = f"failed with {error.code}: {error.message}"
        case JobEvent(type="job.started"):
            said = f"attempt {event.attempt} begins"
        case JobEvent(type="job.stage"):
            said = event.stage
        case JobEvent(type="job.requeued"):
            said = f"back on the queue: {event.reason}"
        case _:
            said = event.type.removeprefix("job.").replace("_", " ")
    return plain(said)


class _Lines(Shown):
    def __init__(self, console: Console) -> None:
        self._console = console
        self._waits = ""

    def waits(self, for_what: str) -> None:
        if for_what != self._waits:
            self._waits = for_what
            self._print(for_what)

    def event(self, event: JobEvent) -> None:
        self._print(f"{event.at:%H:%M:%S} {event.progress:4.0%}  {sentence(event)}")

    def _print(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)
        self._console.file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...


class _Bars(Shown):
    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = Progress(
            TextColumn("{task.description:<22}", markup=False),
            BarColumn(),
            TextColumn("{task.percentage:>4.0f} %"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            console=console,
        )
        self._whole = self._bars.add_task("job", total=1, note="")
        self._shots: dict[str, TaskID] = {}

    def waits(self, for_what: str) -> None:
        self._bars.update(self._whole, note=for_what)

    def event(self, event: JobEvent) -> None:
        self._bars.update(self._whole, completed=event.progress, note=plain(event.stage))
        self._shot(event)
        if event.missed or event.refused or event.reference or event.error or event.type == "job.requeued":
            self._console.print(sentence(event), markup=False, highlight=False)

    def _shot(self, event: JobEvent) -> None:
        name = event.image.shot if event.image else event.shot
        if name is None:
            return
        if name not in self._shots:
            self._shots[name] = self._bars.add_task(plain(name), total=1, note="")
        if event.image:
            self._bars.update(self._shots[name], completed=1, note="stored")
        elif event.steps and event.step is not None:
            self._bars.update(self._shots[name], completed=event.step / event.steps)

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()
