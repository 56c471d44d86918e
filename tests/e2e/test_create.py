"""People who are made up by a whole worker: real profile, real gate."""

import os
import signal
from datetime import UTC, datetime
from io import BytesIO

from PIL import Image

from models.influencer import Influencer
from models.job import Job
from models.likeness import Reason
from models.shot import DEFAULT_CREATE_SHOTS, shot_named
from pipelines.identity.loading import load_gate
from tests.support.workers import StartWorker, follow
from worker.base.settings import Settings
from worker.client import JobClient, plan_create
from worker.storage import Storage
from worker.verify.options import options_of

MB = 1024 * 1024
NOW = datetime(2026, 1, 2, tzinfo=UTC)
PERSONA = Influencer(
    influencer_id="inf_NOVA",
    project_id="8c0a54a8-6f0e-4d9b-9c1f-2b7f6f1f0a11",
    name="Nova",
    status="draft",
    gender="female",
    age_range="25-34",
    hair_color="red",
    created_at=NOW,
    updated_at=NOW,
)


def pictures(client: JobClient, storage: Storage, job: Job) -> dict[str, Image.Image]:
    """Of a completed job, by their shots."""
    result = client.get(job.job_id).result
    assert result
    return {
        image.shot: Image.open(BytesIO(storage.get(image.key, max_bytes=MB))).convert("RGB")
        for image in result.images
    }


def test_a_job_makes_one_person_though_its_render_process_dies_and_another_job_makes_another(
    start_worker: StartWorker, client: JobClient, storage: Storage, settings: Settings
) -> None:
    worker = start_worker(gate="required", steps=4, max_batch=1)
    worker.wait_ready()
    nova = plan_create(PERSONA, job_id="job_create-1")
    other = plan_create(PERSONA, ["front"], job_id="job_create-2")
    client.submit(nova)
    anchor = ""
    for event in client.watch(nova.job_id, timeout=90):
        if event.image:
            anchor = event.image.sha256
        if anchor and event.step:
            break  # the next shot is on the device
    os.kill(worker.render_pid, signal.SIGKILL)
    client.submit(other)
    for job in (nova, other):
        events = follow(client, job)
        assert events[-1].type == "job.completed", events[-1].error

    record = client.get(nova.job_id)
    assert record.result
    assert (record.kind, record.attempts) == ("influencer_create", 2)
    assert [image.shot for image in record.result.images] == list(DEFAULT_CREATE_SHOTS)
    assert record.result.images[0].sha256 == anchor, "what was stored stays"
    row = record.result.influencer
    assert (row.influencer_id, row.status, row.hair_color) == ("inf_NOVA", "ready", "red")

    gate = load_gate(options_of(settings, "rendered"))
    made = pictures(client, storage, nova)
    face = gate.check_references([made.pop("front")])
    portraits = {shot: gate.portrait(image) for shot, image in made.items()}
    for shot, portrait in portraits.items():
        others = {name: one for name, one in portraits.items() if name != shot}
        verdict = gate.judge(portrait, face, yaw=shot_named(shot).yaw, others=others).verdict
        assert verdict.outcome == "pass", (shot, verdict.reasons)
    stranger = gate.portrait(pictures(client, storage, other)["front"])
    assert Reason.NOT_THE_SAME_FACE in gate.judge(stranger, face).verdict.reasons
