"""One trace from the producer to the store: a real queue, and spans that are kept in memory."""

import json
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from redis import Redis

from tests.support.jobs.gated import Judge, Place, make_job
from worker.base.observers import tracing
from worker.base.settings import Settings
from worker.client import JobClient
from worker.storage import Storage


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    provider, exporter = TracerProvider(shutdown_on_exit=False), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(tracing, "_tracer", lambda: provider.get_tracer("test"))
    yield exporter
    provider.shutdown()


def by_name(spans: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in spans.get_finished_spans()}


def message(redis_client: Redis, settings: Settings) -> dict[str, dict[str, str]]:
    (text,) = redis_client.lrange(settings.queue, 0, -1)
    answer: dict[str, dict[str, str]] = json.loads(text)
    return answer


def test_a_trace_goes_from_submit_to_store(
    spans: InMemorySpanExporter, settings: Settings, storage: Storage, redis_client: Redis
) -> None:
    job = make_job("front")
    JobClient(settings).submit(job)
    headers = message(redis_client, settings)["headers"]
    with tracing.continued(headers), tracing.span("attempt"):
        Place(settings, storage).run(Judge(job))
    found = by_name(spans)
    assert set(found) == {"submit", "attempt", "fetch", "render", "store", "commit"}
    assert len({span.context.trace_id for span in found.values()}) == 1
    attempt, submit = found["attempt"], found["submit"]
    assert attempt.parent
    assert attempt.parent.span_id == submit.context.span_id
    for name in ("fetch", "render", "store", "commit"):
        parent = found[name].parent
        assert parent
        assert parent.span_id == attempt.context.span_id


def test_an_error_is_named_by_its_kind_alone(spans: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError, match="hunter2"), tracing.span("fetch"):
        raise ValueError("hunter2")
    (span,) = spans.get_finished_spans()
    assert span.status.description == "ValueError"
    assert "hunter2" not in span.to_json()


def test_headers_of_others_do_no_harm(spans: InMemorySpanExporter) -> None:
    with tracing.continued({"traceparent": "nonsense", "tracestate": 7, "retries": 0}), tracing.span("x"):
        pass
    assert by_name(spans)["x"].parent is None


def test_without_an_exporter_a_message_says_nothing_of_traces(
    settings: Settings, redis_client: Redis
) -> None:
    JobClient(settings).submit(make_job("front"))
    assert "traceparent" not in message(redis_client, settings)["headers"]
    assert tracing.current() is None


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_TRACES_EXPORTER": "none"}, False),
        ({"OTEL_TRACES_EXPORTER": "console"}, True),
        ({"OTEL_SERVICE_NAME": "x"}, False),
    ],
)
def test_the_environment_decides(environment: dict[str, str], wanted: bool) -> None:
    assert tracing._is_wanted(environment) is wanted
