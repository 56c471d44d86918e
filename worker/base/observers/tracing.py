"""Spans for OpenTelemetry, if its environment names an exporter and the extra `tracing` is installed.

Otherwise nothing is imported, and a span costs a function call. A trace's context travels in the headers of the
Celery message, never in the job's content, whose fingerprint must stay the same.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Tracer

log = structlog.get_logger()

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def set_up(service: str) -> None:
    """Exports this process's spans under the name `service`, or OTEL_SERVICE_NAME if that is set.

    Only for our own processes: a program that uses `worker.client` brings its own provider.
    """
    if not _is_wanted(os.environ):
        return
    try:
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter
    except ImportError as error:
        log.warning("tracing.missing", error=f"{error}. Install it: pip install '.[tracing]'")
        return
    is_console = os.environ.get("OTEL_TRACES_EXPORTER") == "console"
    exporter = ConsoleSpanExporter() if is_console else OTLPSpanExporter()
    name = os.environ.get("OTEL_SERVICE_NAME", service)
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: name}))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)


def span(
    name: str, within: "Context | None" = None, **attributes: str | int
) -> AbstractContextManager[object]:
    """A span around a `with` block. `within`: what `current` returned in the thread that requested the work."""
    tracer = _tracer()
    return _span(tracer, name, within, attributes) if tracer else nullcontext()


def current() -> "Context | None":
    """This thread's trace context, to be passed to another thread. None without tracing."""
    if _tracer() is None:
        return None
    from opentelemetry.context import get_current

    return get_current()


def headers() -> dict[str, str]:
    """This thread's trace context as headers of a message. Empty if there is none."""
    carrier: dict[str, str] = {}
    if _tracer():
        from opentelemetry.propagate import inject

        inject(carrier)
    return carrier


@contextmanager
def continued(carrier: Mapping[str, object]) -> Iterator[None]:
    """Spans in this `with` block continue the trace of a message's headers, whoever wrote those."""
    if _tracer() is None:
        yield
        return
    from opentelemetry.context import attach, detach
    from opentelemetry.propagate import extract

    token = attach(extract({name: value for name, value in carrier.items() if isinstance(value, str)}))
    try:
        yield
    finally:
        detach(token)


@contextmanager
def _span(
    tracer: "Tracer", name: str, within: "Context | None", attributes: Mapping[str, str | int]
) -> Iterator[None]:
    from opentelemetry.trace import StatusCode

    # An error's text may hold anything, so only its type is recorded.
    with tracer.start_as_current_span(
        name, within, attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as started:
        try:
            yield
        except BaseException as error:
            started.set_status(StatusCode.ERROR, type(error).__name__)
            raise


@cache
def _tracer() -> "Tracer | None":
    if not _is_wanted(os.environ):
        return None
    try:
        from opentelemetry import trace
    except ImportError:
        return None
    return trace.get_tracer("likeness")


def _is_wanted(environment: Mapping[str, str]) -> bool:
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    exporter = environment.get("OTEL_TRACES_EXPORTER")
    if exporter is None:
        return any(environment.get(name) for name in _ENDPOINTS)
    return exporter in ("otlp", "console")
