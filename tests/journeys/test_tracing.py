"""One journey is one trace: HTTP, request, SQL, outbox, event, reaction."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import msgspec
from msgspec import Struct

from tests.platform import Platform
from tests.waiting import eventually

REACTION = "versioning-record-version"


class Span(Struct, frozen=True):
    """One line of the file that spans are written to."""

    trace_id: str
    span_id: str
    parent_id: str | None
    service: str
    name: str
    attributes: dict[str, Any]
    ok: bool

    @property
    def is_sql(self) -> bool:
        return self.attributes.get("db.system") == "postgresql"


class Trace:
    """The spans of one trace so far."""

    def __init__(self, spans: list[Span]) -> None:
        self.spans = {span.span_id: span for span in spans}

    def named(self, name: str) -> Span | None:
        return next((span for span in self.spans.values() if span.name == name), None)

    def way_to(self, span: Span) -> Iterator[tuple[str, str]]:
        """Yield service and name of every span from the beginning of the journey to ``span``."""
        if span.parent_id in self.spans:
            yield from self.way_to(self.spans[span.parent_id])
        yield span.service.removeprefix("strongroom-"), span.name

    def sql_below(self, span: Span) -> list[str]:
        """Return the names of the statements that were run for ``span``."""
        return [
            other.name
            for other in self.spans.values()
            if other.is_sql and other.parent_id == span.span_id
        ]


async def test_an_upload_is_one_trace_from_the_caller_to_the_version(
    platform: Platform, http: httpx.AsyncClient, bucket: str, files: str
) -> None:
    await http.put(f"{files}/before", content=b"so that the bucket's own events are through")
    await eventually(lambda: has_version(http, bucket, "before"))
    trace_id, caller = uuid4().hex, uuid4().hex[:16]

    answer = await http.put(
        f"{files}/traced",
        content=b"followed on its way",
        headers={"traceparent": f"00-{trace_id}-{caller}-01"},
    )

    assert answer.status_code == 201
    assert answer.headers["x-request-id"] == trace_id
    trace = await eventually(lambda: complete_trace(platform.traces, trace_id))
    reaction = trace.named(REACTION)
    commit = trace.named("storage.put_files")
    assert reaction is not None
    assert commit is not None
    assert list(trace.way_to(reaction)) == [
        ("gateway", "PUT /api/v1/buckets/{bucket}/files/{path}"),
        ("gateway", "ask rpc.storage.put_files"),
        ("storage", "storage.put_files"),
        ("versioning", REACTION),
    ]
    assert trace.sql_below(commit)
    assert trace.sql_below(reaction)
    assert all(span.ok for span in trace.spans.values())
    begun = [span for span in trace.spans.values() if span.parent_id not in trace.spans]
    assert [span.parent_id for span in begun] == [caller]


async def complete_trace(file: Path, trace_id: str) -> Trace | None:
    """Return the trace once its last part was written: each service writes on its own."""
    trace = read_trace(file, trace_id)
    reaction, commit = trace.named(REACTION), trace.named("storage.put_files")
    if reaction is None or commit is None or commit.parent_id not in trace.spans:
        return None
    asked = trace.spans[commit.parent_id]
    return trace if asked.parent_id in trace.spans else None


def read_trace(file: Path, trace_id: str) -> Trace:
    lines = [line for line in file.read_bytes().splitlines() if trace_id.encode() in line]
    spans = [msgspec.json.decode(line, type=Span) for line in lines]
    return Trace([span for span in spans if span.trace_id == trace_id])


async def has_version(http: httpx.AsyncClient, bucket: str, path: str) -> bool:
    answer = await http.get(f"/api/v1/buckets/{bucket}/versions", params={"path": path})
    return answer.status_code == 200
