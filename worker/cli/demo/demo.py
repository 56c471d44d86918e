"""`likeness demo`: a whole clone on embedded services, from sample references to a contact sheet."""

from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import typer
from PIL import Image
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from models.errors import WatchTimeout, WorkerEnded
from models.event import JobEvent
from models.job import CloneJob
from models.likeness import Judgement
from models.record import JobRecord, JobResult, RejectedReference
from worker.cli.demo.contact_sheet import contact_sheet
from worker.cli.demo.sample_job import sample_job
from worker.client import JobClient
from worker.stack import EmbeddedStack
from worker.stack.child import LeashedChild
from worker.stack.own_worker import own_worker
from worker.stack.samples import load_sample
from worker.storage import Storage


def run(out: Path, persona: str, shot_count: int) -> None:
    """Clone the sample `persona` and write the results to a new folder in `out`. Exits with 1 unless the job
    completed."""
    source, files = load_sample(persona)
    out = _new_folder(out)
    console = Console()
    with TemporaryDirectory(prefix="likeness-demo-") as data, EmbeddedStack(Path(data)) as stack:
        settings = stack.settings()
        storage = Storage(settings)
        job = sample_job(storage, persona, shot_count)
        with own_worker(stack.environment, out / "worker.log") as worker_process:
            record = _follow(JobClient(settings), job, worker_process, out, console)
        if record.result is None:
            raise typer.Exit(1)
        images = [
            (image.shot, storage.get(image.key, max_bytes=64 * 1024 * 1024)) for image in record.result.images
        ]
    _write(out, record, source.name, files, images)
    console.print(f"\n[bold green]completed[/] {record.job_id}")
    if said := _likeness(record.result):
        console.print(said, highlight=False)
    for name in ("contact-sheet.png", "images/", "influencer.json", "job.json"):
        console.print(f"  {out}/{name}")


def _new_folder(out: Path) -> Path:
    """Makes a folder for this run: `out` may hold anything, and another run may use it at the same time."""
    out.mkdir(parents=True, exist_ok=True)
    for number in count(1):
        folder = out / f"demo-{number}"
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        (folder / "images").mkdir()
        return folder
    raise AssertionError("there is no last number")


def _follow(client: JobClient, job: CloneJob, worker: LeashedChild, out: Path, console: Console) -> JobRecord:
    """Submits the job and draws its events as bars until it is final."""

    def require_worker() -> None:
        if not worker.is_alive:
            raise WorkerEnded(f"The worker ended early. Its log, {out / 'worker.log'}, says why.")

    client.submit(job)
    with Progress(
        TextColumn("{task.description:<22}"),
        BarColumn(),
        TextColumn("{task.percentage:>4.0f} %"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}"),
        console=console,
    ) as progress:
        whole = progress.add_task("job", total=1, note="waiting for the worker to load")
        shots: dict[str, TaskID] = {}
        for event in _events(client, job.job_id, require_worker):
            progress.update(whole, completed=event.progress, note=event.stage)
            _draw_shot(progress, shots, event)
            if event.error:
                console.print(f"[bold red]{event.error.code}[/] {event.error.message}")
    return client.get(job.job_id)


def _events(client: JobClient, job_id: str, require_worker: Callable[[], None]) -> Iterator[JobEvent]:
    after = 0
    while True:
        try:
            for event in client.watch(job_id, after, timeout=2):
                after = event.sequence
                yield event
        except WatchTimeout:
            require_worker()
        else:
            return


def _draw_shot(progress: Progress, shots: dict[str, TaskID], event: JobEvent) -> None:
    shot = event.image.shot if event.image else event.shot
    if shot is None:
        return
    if shot not in shots:
        shots[shot] = progress.add_task(shot, total=1, note="")
    if event.image:
        progress.update(shots[shot], completed=1, note="stored")
    elif event.steps and event.step is not None:
        progress.update(shots[shot], completed=event.step / event.steps)


def _write(
    out: Path, record: JobRecord, name: str, files: Sequence[bytes], images: Sequence[tuple[str, bytes]]
) -> None:
    assert record.result is not None
    for shot, data in images:
        (out / "images" / f"{shot}.png").write_bytes(data)
    (out / "job.json").write_text(record.model_dump_json(indent=2, exclude_none=True) + "\n")
    row = record.result.influencer
    (out / "influencer.json").write_text(row.model_dump_json(indent=2, exclude_none=True) + "\n")
    sheet = contact_sheet(
        name,
        [Image.open(BytesIO(data)).convert("RGB") for data in files],
        [(shot, Image.open(BytesIO(data)).convert("RGB")) for shot, data in images],
        {image.shot: _note(image.judgement) for image in record.result.images if image.judgement}
        | {str(each.index + 1): _left_out(each) for each in record.rejected_references},
    )
    sheet.save(out / "contact-sheet.png")


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
    those = "; ".join(f"{shot} {_note(judgement)}" for shot, judgement in missed)
    return f"{said}. With LIKENESS_GATE=required those that miss it would be rendered again: {those}."


def _left_out(rejected: RejectedReference) -> str:
    return "left out: " + rejected.code.removeprefix("REFERENCE_").lower().replace("_", " ")


def _note(judgement: Judgement) -> str:
    """A judgement in a few words."""
    scores, verdict = judgement.scores, judgement.verdict
    words = ", ".join(verdict.reasons) or ("turned, not judged" if verdict.not_judged else "pass")
    if scores.centroid is None or verdict.floor is None:
        return words
    return f"{scores.centroid:.2f} (floor {verdict.floor:.2f}): {words}"
