"""A clone's end is told: a real worker, a real deliverer, a real receiver."""

import os
import subprocess
import sys

from models.job import CloneJob
from models.webhook import Webhook
from tests.support.servers.receiver import SECRET, Receiver
from tests.support.workers import PlanJob, WorkerProcess, environment_of, follow
from worker.base.settings import Settings
from worker.client import JobClient


def test_a_clones_end_arrives(
    worker: WorkerProcess, client: JobClient, plan: PlanJob, settings: Settings
) -> None:
    receiver = Receiver()
    environment = os.environ | environment_of(settings) | {"LIKENESS_WEBHOOK_SECRETS": SECRET}
    # Beside the embedded store, the receiver is the one that this process may reach.
    deliverer = subprocess.Popen(
        [sys.executable, "-m", "worker", "webhooks", "deliver"],
        env=environment | {"LIKENESS_ALLOW_HTTP_TO": receiver.address},
    )
    try:
        job = CloneJob.parse(plan(["front"]).to_data() | {"callbackUrl": receiver.url()})
        client.submit(job)
        (got,) = receiver.wait_for(1, timeout=90)
        told = Webhook.parse(got.verified())
        record = client.get(job.job_id)
        assert (told.type, told.data.job_id) == ("job.completed", job.job_id)
        assert record.result
        assert told.data.result
        assert told.data.result.manifest_key == record.result.manifest_key
        assert follow(client, job)[-1].at == told.timestamp

        deliverer.terminate()
        assert deliverer.wait(20) == 0
    finally:
        deliverer.kill()
        deliverer.wait()
        receiver.stop()
