"""Runs one attempt, from what earlier ones stored to the manifest."""

import structlog

from models.job import Job
from models.record import JobResult
from worker.base.observers import tracing
from worker.run.commit import commit, committed
from worker.run.held import HeldJob
from worker.run.judging.job_gate import JobGate
from worker.run.judging.job_screen import JobScreen
from worker.run.kinds.table import kind_of
from worker.run.steps import Equipment, Steps

log = structlog.get_logger()


def run_job(
    job: Job, held: HeldJob, equipment: Equipment, gate: JobGate | None, screen: JobScreen | None = None
) -> JobResult:
    """Does the job. However this ends, nothing of the job is in flight afterwards.

    Raises what `HeldJob.raise_if_unwanted` raises, or any `LikenessError`. `gate` is None if no likeness is judged,
    `screen` if the safety gate is off.
    """
    kind, images = kind_of(job), equipment.images
    steps = Steps(job, held, equipment, gate, screen)
    is_first = held.lease.attempt == 1
    try:
        if ended := committed(job, images):
            log.warning("job.was_committed", images=len(ended.images))
            held.enter("finishing")
            return ended
        # Before anything is fetched, but after a commit of before there was the rule: its images are published.
        if broken := equipment.rules.broken_by(job):
            raise broken.as_refusal()
        kind.script(steps, () if is_first else steps.found())
        held.enter("storing")
        without = steps.shots.missing()
        missed = steps.keep_evidence(without, kind.advice)
        steps.background.finish_uploads()
        if not is_first:
            # An earlier attempt may have stored what isn't taken now. This waits until all uploads are over: a
            # server that keeps objects as files removes a folder with its last file, and rclone can then lose sight
            # of a file that is just being written there.
            for shot in without:
                images.discard(job, shot, confirm=held.confirm)
        held.enter("finishing")
        with tracing.span("commit"):
            return commit(
                job,
                images,
                steps.shots.images(without),
                steps.sources.provenance,
                likeness=gate.summary(missed) if gate else None,
                safety=screen.summary(steps.shots.refused(without)) if screen else None,
                confirm=held.confirm,
            )
    finally:
        # Uploads of a job that is handed back are of use; those of a canceled one must not come later.
        steps.background.settle()
        if equipment.previews:
            equipment.previews.forget(job.job_id, job.shots)
