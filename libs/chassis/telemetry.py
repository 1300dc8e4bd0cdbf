"""Logs, metrics and one trace per journey: HTTP, request, SQL, outbox, event, reaction.

The trace context travels as W3C ``traceparent`` in the headers of every message and in the outbox
row, so that a reaction hours later still belongs to the call that caused it.
"""

import contextlib
import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
from opentelemetry import trace
from opentelemetry.context import Context, attach, detach
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased, Sampler, TraceIdRatioBased
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from libs.chassis.settings import ServiceSettings, WrongSettings, variable_prefix

_tracer = trace.get_tracer("strongroom")
_traceparent = TraceContextTextMapPropagator()


def set_up(service: str, settings: ServiceSettings) -> TracerProvider:
    """Write logs and send spans as ``settings`` say; without a ``traces_url`` only ids travel."""
    _set_up_logs(service, settings)
    sampler: Sampler = ALWAYS_OFF
    if settings.traces_url is not None:
        sampler = ParentBased(TraceIdRatioBased(settings.trace_ratio))
    provider = TracerProvider(
        sampler=sampler, resource=Resource.create({"service.name": f"strongroom-{service}"})
    )
    if settings.traces_url is not None:
        exporter = _exporter(service, settings.traces_url)
        provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=500))
        _trace_sql(provider)
    trace.set_tracer_provider(provider)
    return provider


@contextlib.contextmanager
def span(
    name: str,
    *,
    kind: SpanKind = SpanKind.INTERNAL,
    parent: Context | None = None,
    links: Sequence[trace.Link] = (),
    **attributes: Any,
) -> Iterator[trace.Span]:
    """Record what happens inside as ``name``; a failure marks the span and passes on.

    In a journey that is not recorded (its first service decided that) no spans are made: only the
    ids that came in travel on.
    """
    around = trace.get_current_span(parent)
    if _is_unrecorded(around.get_span_context()):
        with _attached(parent):
            yield around
        return
    with _tracer.start_as_current_span(
        name,
        context=parent,
        kind=kind,
        links=links,
        attributes=attributes,
        record_exception=False,
        set_status_on_exception=False,
    ) as current:
        try:
            yield current
        except Exception as error:
            current.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise


def _is_unrecorded(journey: trace.SpanContext) -> bool:
    return journey.is_valid and not journey.trace_flags.sampled


@contextlib.contextmanager
def _attached(context: Context | None) -> Iterator[None]:
    """Make ``context``, where there is one, the present one."""
    if context is None:
        yield
        return
    token = attach(context)
    try:
        yield
    finally:
        detach(token)


def outgoing() -> dict[str, str]:
    """Return the headers that carry the present trace to whoever is told or asked."""
    headers: dict[str, str] = {}
    _traceparent.inject(headers)
    return headers


def incoming(headers: Mapping[str, str] | None) -> Context:
    """Return the trace that a message belongs to."""
    return _traceparent.extract(headers or {})


def link(headers: Mapping[str, str] | None) -> trace.Link:
    """Return a link to the journey of one message, for work that serves several at once."""
    return trace.Link(trace.get_current_span(incoming(headers)).get_span_context())


def _exporter(service: str, url: str) -> SpanExporter:
    scheme = urlsplit(url).scheme
    if scheme == "file":
        return FileSpanExporter(Path(urlsplit(url).path))
    if scheme in ("http", "https"):
        # Imported here: it costs 10 MB that a service without a collector need not carry.
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        return OTLPSpanExporter(endpoint=url)
    raise WrongSettings(f"{variable_prefix(service)}TRACES_URL: neither file:// nor http(s)://")


def _trace_sql(provider: TracerProvider) -> None:
    # Imported here: it wraps every statement, which only pays where spans are kept.
    from opentelemetry.instrumentation.asyncpg import AsyncPGInstrumentor

    instrumentor = AsyncPGInstrumentor()  # type: ignore[no-untyped-call]
    instrumentor.instrument(tracer_provider=provider)


class FileSpanExporter(SpanExporter):
    """Appends each span as one JSON line; several processes may share the file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Append ``spans`` in one write."""
        lines = b"".join(msgspec.json.encode(_as_dict(span)) + b"\n" for span in spans)
        with self._lock, self._path.open("ab", buffering=0) as file:
            file.write(lines)
        return SpanExportResult.SUCCESS


def _as_dict(span: ReadableSpan) -> dict[str, Any]:
    context = span.get_span_context()
    return {
        "trace_id": f"{context.trace_id:032x}" if context else None,
        "span_id": f"{context.span_id:016x}" if context else None,
        "parent_id": f"{span.parent.span_id:016x}" if span.parent else None,
        "links": [f"{link.context.trace_id:032x}" for link in span.links],
        "service": span.resource.attributes.get("service.name"),
        "name": span.name,
        "start_ns": span.start_time,
        "end_ns": span.end_time,
        "attributes": dict(span.attributes or {}),
        "ok": span.status.status_code is not StatusCode.ERROR,
    }


def _set_up_logs(service: str, settings: ServiceSettings) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(_JsonLines(service) if settings.log_format == "json" else _TextLines())
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler], force=True)
    for noisy in ("nats", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _trace_id() -> str | None:
    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else None


class _TextLines(logging.Formatter):
    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        trace_id = _trace_id()
        return f"{line} [trace {trace_id}]" if trace_id else line


class _JsonLines(logging.Formatter):
    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
            "trace_id": _trace_id(),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(entry).decode()
