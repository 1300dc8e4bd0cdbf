"""The streams: one per owner, declared by the owner, with limits retention.

PostgreSQL is the record; a stream is replayable transport that keeps a week.
"""

from msgspec import Struct

DAY_S = 86_400.0


class StreamSpec(Struct, frozen=True, kw_only=True):
    """A JetStream stream and who may publish into it."""

    name: str
    owner: str
    subjects: tuple[str, ...]
    max_age_s: float = 7 * DAY_S
    dedupe_window_s: float = 120.0
    """How long ``Nats-Msg-Id`` is remembered; after that the inbox is the only guard."""


STREAMS: dict[str, StreamSpec] = {
    spec.name: spec
    for spec in (
        StreamSpec(name="STORAGE", owner="storage", subjects=("bucket.>", "file.>", "grant.>")),
        StreamSpec(name="VERSIONING", owner="versioning", subjects=("version.>", "ref.>")),
        StreamSpec(name="BACKUP", owner="backup", subjects=("snapshot.>", "restore.>")),
        StreamSpec(name="PROGRESS", owner="progress", subjects=("task.>",)),
        StreamSpec(name="WORK", owner="progress", subjects=("work.>",)),
        StreamSpec(name="GATEWAY", owner="gateway", subjects=("user.>", "key.>")),
    )
}

SHARED_RECORDS = "records"
"""The key-value bucket in which gateways share what they know of files; nothing else may write."""

REQUESTED_BY_ALL = "task.requested.>"
"""The one event that any service announces: it wants work done."""


def streams_of(owner: str) -> list[StreamSpec]:
    """Return the streams that ``owner`` declares."""
    return [spec for spec in STREAMS.values() if spec.owner == owner]


def stream_for(subject: str) -> StreamSpec:
    """Return the stream that keeps ``subject``; raises ``LookupError`` when there is none."""
    noun = subject.split(".", 1)[0]
    for spec in STREAMS.values():
        if f"{noun}.>" in spec.subjects:
            return spec
    raise LookupError(f"no stream keeps {subject!r}")


def publishable(service: str) -> list[str]:
    """Return the event subjects that ``service`` may publish: its own, and requests for work."""
    own = [subject for spec in streams_of(service) for subject in spec.subjects]
    return [*own, REQUESTED_BY_ALL]
