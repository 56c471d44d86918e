"""`likeness demo`: a whole clone on embedded services, from references to a folder of results."""

import os
import sys
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory

import typer
from rich.console import Console

from models.errors import WatchTimeout, WorkerEnded
from models.event import JobEvent
from models.job import CloneJob
from models.record import JobRecord, JobResult
from worker.base.folders import require_room
from worker.base.settings import Settings
from worker.cli.demo.personas import Persona
from worker.cli.demo.results import Results, copy_image, note
from worker.cli.demo.sample_job import sample_job
from worker.cli.jobs.progress import Shown, shown_on
from worker.cli.table import plain
from worker.client import JobClient
from worker.queue.fleet.presence import Presence, here
from worker.stack import EmbeddedStack
from worker.stack.own import OWN_PROFILE, OwnProcess, own_worker
from worker.storage import Storage


def run(out: Path, persona: Persona, shot_count: int) -> None:
    """Clones the persona and writes the results to a new folder in `out`, also if the job fails. Then it exits with
    1."""
    require_room(out, "--out")
    out = _new_folder(out)
    console = Console()
    _introduce(console, persona, shot_count, out)
    # Here, so that all of it needs room in one place.
    with TemporaryDirectory(prefix=".services-", dir=out) as data, EmbeddedStack(Path(data)) as stack:
        settings = stack.settings()
        with Storage(settings) as storage:
            job = sample_job(storage, persona, shot_count)
            with own_worker(stack.environment, out) as worker:
                follower = _Follower(settings, storage, job, worker, out)
                with shown_on(console) as shown:
                    record = follower.follow(shown)
            Results(out, job, persona, record, follower.events).write(settings, storage)
    _conclude(console, record, out)
    if record.result is None:
        raise typer.Exit(1)


def _introduce(console: Console, persona: Persona, shot_count: int, out: Path) -> None:
    profile = os.environ.get("LIKENESS_PROFILE", OWN_PROFILE)
    what = f"{len(persona.references)} references, {shot_count} new images, profile {profile}"
    steps = [
        f"Clones {persona.row.name}: {what}.",
        "It starts a Redis, an S3 server and a worker of its own on this machine, and ends them again.",
    ]
    if profile == OWN_PROFILE:
        steps.append("On two idle cores this takes about half a minute, and five seconds for each image.")
    for step in [*steps, f"Results: {out}/"]:
        console.print(step, markup=False, highlight=False, soft_wrap=True)


def _new_folder(out: Path) -> Path:
    """Makes a folder for this run: `out` may hold anything, and another run may use it at the same time."""
    for number in count(1):
        folder = out / f"demo-{number}"
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        return folder
    raise AssertionError("there is no last number")


class _Follower:
    """Submits the demo's job, and follows it to its end."""

    def __init__(
        self, settings: Settings, storage: Storage, job: CloneJob, worker: OwnProcess, out: Path
    ) -> None:
        self.events: list[JobEvent] = []
        self._client = JobClient(settings)
        self._presence = Presence(settings)
        self._storage = storage
        self._job = job
        self._worker = worker
        self._out = out

    def follow(self, shown: Shown) -> JobRecord:
        """Raises WorkerEnded, and FolderUnusable once the disk is full."""
        self._client.submit(self._job)
        began = time.monotonic()
        shown.waits("the worker loads its model")
        while not self._presence.nodes(here()):
            self._require_all_well()
            time.sleep(0.2)
        shown.waits(f"the worker is ready after {time.monotonic() - began:.0f} s")
        for event in self._happened():
            self.events.append(event)
            if event.image:
                copy_image(self._out, self._storage, event.image)
            shown.event(event)
        return self._client.get(self._job.job_id)

    def _happened(self) -> Iterator[JobEvent]:
        after = 0
        while True:
            try:
                for event in self._client.watch(self._job.job_id, after, timeout=2):
                    after = event.sequence
                    yield event
            except WatchTimeout:
                self._require_all_well()
            else:
                return

    def _require_all_well(self) -> None:
        if not self._worker.is_running:
            raise WorkerEnded(f"The worker ended early. Its log, {self._worker.log}, says why.")
        # On a full disk the store would refuse every image, and the worker would wait for it.
        require_room(self._out, "--out", 0)


def _conclude(console: Console, record: JobRecord, out: Path) -> None:
    is_done = record.status == "completed"
    console.print(f"\n[bold {'green' if is_done else 'red'}]{record.status}[/] {record.job_id}")
    if record.error:
        console.print(plain(f"{record.error.code}: {record.error.message}"), markup=False, highlight=False)
    if record.result and (said := _likeness(record.result)):
        console.print(said, highlight=False)
    likeness = _command()
    lines = [
        f"  {out}/index.html    everything, for a browser",
        f"  {out}/contact-sheet.png",
        "",
        "What to try next:",
        f"  {likeness} inspect {out}/contact-sheet.png",
        "    what a picture says of where it comes from",
        f"  {likeness} demo --references FOLDER",
        "    with pictures of your own; the profile embedded knows rendered people, and no photographs",
        f"  {likeness} up",
        "    the API, and a page to do all this on",
    ]
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _command() -> str:
    """What to type for `likeness` here: its path, where no shell finds it by its name."""
    own = Path(sys.argv[0]).absolute()
    if which("likeness") or own.name != "likeness":
        return "likeness"
    return str(own.relative_to(Path.cwd())) if own.is_relative_to(Path.cwd()) else str(own)


def _likeness(result: JobResult) -> str:
    """How many images pass the gate, in a few sentences; empty if it was off."""
    judged = [(image.shot, image.judgement) for image in result.images if image.judgement]
    if not judged:
        return ""
    missed = [(shot, judgement) for shot, judgement in judged if judgement.verdict.reasons]
    verdicts = [judgement.verdict for _, judgement in judged]
    turned = sum(bool(verdict.not_judged) and not verdict.reasons for verdict in verdicts)
    passed = len(judged) - len(missed) - turned
    said = f"Likeness: of {len(judged)} images {passed} pass the gate, {len(missed)} miss it"
    if turned:
        said += f", and {turned} show a head that is turned too far to be judged"
    if not missed:
        return f"{said}."
    those = "; ".join(f"{shot} {note(judgement)}" for shot, judgement in missed)
    return f"{said}. With LIKENESS_GATE=required those that miss it would be rendered again: {those}."
