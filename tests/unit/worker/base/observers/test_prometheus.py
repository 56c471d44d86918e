"""What Prometheus gets to read, and what health there is to tell."""

from collections import Counter

import pytest

from models.likeness import Judgement, MissedImage
from models.record import Stage, StoredImage
from tests.support.jobs.gated import FACE, judgement
from worker.base.observers.prometheus import PrometheusMetrics
from worker.node.consuming.consumer_loop import ConsumerLoop
from worker.node.health import WorkerHealth
from worker.webhooks.metrics import DeliveryMetrics
from worker.webhooks.outbox import Outcome
from worker.webhooks.sender import Answer


def text(metrics: PrometheusMetrics | DeliveryMetrics) -> str:
    body, content_type = metrics.exposition("")
    assert content_type.startswith("text/plain")
    return body.decode()


def image(judged: Judgement | None) -> StoredImage:
    return StoredImage(
        shot="front",
        asset_id="med_1",
        key="front.png",
        thumbnail_key="front.webp",
        url="https://s3.example/front.png",
        thumbnail_url="https://s3.example/front.webp",
        sha256="0" * 64,
        thumbnail_sha256="0" * 64,
        bytes=1,
        width=1,
        height=1,
        seed=1,
        judgement=judged,
    )


def test_images_and_their_likeness() -> None:
    metrics = PrometheusMetrics()
    metrics.image_stored("job_1", image(None))
    metrics.image_stored("job_1", image(judgement([], 0.7)))
    metrics.image_missed(
        "job_1", MissedImage(shot="front", seed=1, number=1, judgement=judgement([FACE], 0.42))
    )
    metrics.shots_rendered_again("job_1", 2)
    told = text(metrics)
    assert 'likeness_images_total{outcome="stored"} 2.0' in told
    assert 'likeness_images_total{outcome="missed"} 1.0' in told
    assert "likeness_shots_rendered_again_total 2.0" in told
    assert 'likeness_similarity_sum{outcome="miss"} 0.42' in told
    assert 'likeness_similarity_count{outcome="pass"} 1.0' in told


def test_what_is_asked_for_when_somebody_looks() -> None:
    metrics, busy = PrometheusMetrics(), [1.5]
    in_hand: Counter[Stage] = Counter({"rendering": 1, "fetching": 2})
    metrics.worker_began(lambda: busy[0], lambda: in_hand)
    busy[0] = 2.5
    told = text(metrics)
    assert "likeness_device_busy_seconds_total 2.5" in told
    assert 'likeness_jobs_in_hand{stage="fetching"} 2.0' in told


def test_a_scraper_may_ask_for_open_metrics() -> None:
    body, content_type = PrometheusMetrics().exposition("application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        (Answer(204), "2xx"),
        (Answer(503), "5xx"),
        (Answer(999), "other"),
        (Answer(failure="x"), "none"),
        (Answer(failure="x", is_refused=True), "refused"),
    ],
)
def test_what_receivers_answer_is_counted_by_its_kind(answer: Answer, label: str) -> None:
    metrics = DeliveryMetrics()
    metrics.tried(answer, Outcome("pending", "x"))
    assert f'likeness_webhook_tries_total{{answer="{label}",state="pending"}} 1.0' in text(metrics)


def health(loop: ConsumerLoop, *lacks: str) -> WorkerHealth:
    return WorkerHealth(lambda: list(lacks), loop)


def test_a_worker_is_ready_once_it_is_subscribed_and_lacks_nothing() -> None:
    loop = ConsumerLoop(())
    assert health(loop, "draining").ready() == ["draining", "not subscribed to the queue"]
    loop.is_subscribed = True
    loop.tick()
    assert health(loop).ready() == []


@pytest.mark.parametrize("is_subscribed", [True, False])
def test_a_loop_that_stands_still_is_dead(is_subscribed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    loop = ConsumerLoop(())
    loop.is_subscribed = is_subscribed
    assert health(loop).live() == [], "the profile loads"
    loop.tick()
    assert health(loop).live() == []
    monkeypatch.setattr(loop, "_ticked", -1e6)
    assert "stands still" in health(loop).live()[0]
    loop.end()
    assert health(loop).live() == [], "it drains"


@pytest.mark.parametrize("version", ["abc", '"x', "", "1.0.0.0.0", "-1"])
def test_a_version_that_is_none_gets_a_format_that_anybody_reads(version: str) -> None:
    body, content_type = PrometheusMetrics().exposition(f"application/openmetrics-text; version={version}")
    assert body
    assert "version=" in content_type
