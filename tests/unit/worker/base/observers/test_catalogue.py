"""The catalogue of metrics, and what says the same elsewhere: what processes serve, and the table in docs/."""

import os
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from models.likeness import MissedImage
from models.operations import Backlog, TierQueue, WorkerState
from models.safety import RefusedImage, SafetyRule
from tests.support.jobs.gated import judgement
from tests.support.jobs.stored import make_job
from worker.base.observers import service_errors
from worker.base.observers.catalogue import ALL, Process, Spec
from worker.base.observers.memory import DeviceMemory, WorkerMemory
from worker.base.observers.prometheus import PrometheusMetrics, exposition, new_registry
from worker.queue.fleet.backlog import BacklogReader
from worker.queue.fleet.gauges import FleetGauges
from worker.webhooks.metrics import DeliveryMetrics
from worker.webhooks.outbox import Outcome
from worker.webhooks.sender import Answer

DOCS = Path(__file__).parents[5] / "docs" / "operating.md"
ROW = re.compile(r"^\| `(likeness_\w+)` \| ([^|]*) \| ([^|]*) \| ([^|]+) \|$", re.MULTILINE)


class Told:
    """A backlog that has everything."""

    def read(self) -> Backlog:
        ends = datetime(2027, 3, 1, tzinfo=UTC)
        tier = TierQueue(tier="default", waiting=1, parked=2, held=3, oldest_waiting_seconds=4.5)
        worker = WorkerState(worker="wrk_1", node="here:1", profile="embedded", ready=True)
        return Backlog(tiers=(tier,), workers=(worker,), dead_letters=5, webhooks_pending=6, signer_ends=ends)


BACKLOG = cast("BacklogReader", Told())


def of_worker() -> bytes:
    """What a worker serves to which everything has happened."""
    metrics, job = PrometheusMetrics(), make_job()
    metrics.worker_began(lambda: 1.5, lambda: {"rendering": 1})
    state = WorkerState(node="here:1", profile="embedded", device="cpu", version="1.0")
    device = DeviceMemory(total=24, used=20, peak=16)
    metrics.worker_loaded(
        state, WorkerMemory(lambda: {"worker": os.getpid(), "verify": None}, lambda: device)
    )
    metrics.attempt_began(job, 1, 0.5)
    metrics.stage_ended(job.job_id, "rendering", 2)
    metrics.shots_rendered_again(job.job_id, 1)
    metrics.image_missed(
        job.job_id, MissedImage(shot="front", seed=1, number=1, judgement=judgement([], 0.4))
    )
    metrics.image_refused(
        job.job_id, RefusedImage(shot="front", seed=1, number=1, rule=SafetyRule.EXPLICIT, score=0.9)
    )
    metrics.attempt_ended_early(job.job_id, "LEASE_EXPIRED")
    metrics.job_ended(job.job_id, "failed", "RENDER_FAILED")
    return metrics.exposition("")[0]


def of_deliverer() -> bytes:
    metrics = DeliveryMetrics(BACKLOG)
    metrics.tried(Answer(204), Outcome("delivered", "204"))
    return metrics.exposition("")[0]


def of_api() -> bytes:
    registry: CollectorRegistry = new_registry()
    registry.register(FleetGauges(BACKLOG))
    return exposition(registry, "")[0]


@pytest.mark.parametrize(
    ("process", "served"), [("worker", of_worker), ("deliverer", of_deliverer), ("api", of_api)]
)
def test_a_process_serves_what_the_catalogue_says(process: Process, served: Callable[[], bytes]) -> None:
    service_errors.note("store", "STORAGE_UNAVAILABLE")
    found: dict[str, tuple[str, set[str]]] = {}
    for family in text_string_to_metric_families(served().decode()):
        for sample in family.samples:
            if sample.name.startswith("likeness_") and not sample.name.endswith("_created"):
                found[sample.name] = (family.type, set(sample.labels) - {"le"})
    expected = {
        name: (spec.kind, set(spec.labels))
        for spec in ALL
        if process in spec.served_by
        for name in spec.series
    }
    assert found == expected


def test_the_documents_table_has_each_metric_with_its_labels() -> None:
    rows = {name: (labels, by) for name, labels, by, _ in ROW.findall(DOCS.read_text())}
    assert rows == {spec.name: (_in_words(spec.labels), ", ".join(spec.served_by)) for spec in ALL}


def _in_words(labels: tuple[str, ...]) -> str:
    return ", ".join(f"`{label}`" for label in labels)


def test_no_metric_is_named_twice_and_counters_are_named_as_such() -> None:
    assert len({spec.name for spec in ALL}) == len(ALL) > 20
    assert all(_is_well_named(spec) for spec in ALL)


def _is_well_named(spec: Spec) -> bool:
    return (spec.kind == "counter") == spec.name.endswith("_total")


def test_values_are_what_was_told() -> None:
    told = of_worker().decode()
    assert 'likeness_worker_info{device="cpu",profile="embedded",version="1.0"} 1.0' in told
    for kind, value in (("total", 24), ("used", 20), ("peak", 16)):
        assert f'likeness_device_memory_bytes{{kind="{kind}"}} {value}.0' in told
    (own,) = re.findall(r'likeness_memory_bytes\{process="worker"\} (\S+)', told)
    (limit,) = re.findall(r"^likeness_memory_limit_bytes (\S+)", told, re.MULTILINE)
    # This process has some tens of megabytes, and the machine more.
    assert 10e6 < float(own) < float(limit)
    assert 'process="verify"' not in told, "it doesn't run"
    fleet = of_api().decode()
    (ends,) = re.findall(r"^likeness_signer_ends_timestamp_seconds (\S+)", fleet, re.MULTILINE)
    assert float(ends) == datetime(2027, 3, 1, tzinfo=UTC).timestamp()
    assert 'likeness_queue_jobs{state="parked",tier="default"} 2.0' in fleet
