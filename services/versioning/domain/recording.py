"""How events of files become versions and commits. No I/O here.

A batch becomes as few commits as it can without losing a state of a file: events of one author
with one message share a commit, and a path that changed twice gets two.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from msgspec import Struct

from libs.contracts.storage import FileDeleted, FileStored
from libs.contracts.values import Actor, Operation
from services.versioning.domain.tree import Entry

FileEvent = FileStored | FileDeleted


class Version(Struct, frozen=True, kw_only=True):
    """A state of a file; ``entry`` is None where it was deleted."""

    path: str
    revision: int
    operation: Operation
    author: Actor
    message: str
    created_at: datetime
    entry: Entry | None


class Round(NamedTuple):
    """Versions of different paths that one commit records."""

    author: Actor
    message: str
    versions: list[Version]

    @property
    def operation(self) -> str:
        """What they have in common."""
        kinds = {version.operation for version in self.versions}
        return kinds.pop() if len(kinds) == 1 else "mixed"

    @property
    def committed_at(self) -> datetime:
        """When the last of them was made."""
        return max(version.created_at for version in self.versions)

    def states(self, latest: Mapping[str, int]) -> dict[str, Entry | None]:
        """Return what becomes the state; one that comes late is recorded but stays history."""
        return {
            version.path: version.entry
            for version in self.versions
            if version.revision > latest.get(version.path, 0)
        }

    def title(self) -> str:
        """Return the message, or what happened where nobody gave one."""
        if self.message:
            return self.message
        if len(self.versions) == 1:
            return f"{self.operation} {self.versions[0].path}"
        verb = "change" if self.operation == "mixed" else self.operation
        return f"{verb} {len(self.versions)} files"


def version_of(event: FileEvent) -> Version:
    """Return the state that ``event`` tells of."""
    return Version(
        path=event.path,
        revision=event.revision,
        operation=event.operation,
        author=event.actor,
        message=event.message,
        created_at=event.occurred_at,
        entry=entry_of(event) if isinstance(event, FileStored) else None,
    )


def entry_of(event: FileStored) -> Entry:
    """Return what a tree says about the file."""
    return Entry(
        sha256=bytes.fromhex(event.sha256),
        size=event.size,
        content_type=event.content_type,
        metadata=event.metadata,
        tags=event.tags,
    )


def rounds(versions: Iterable[Version]) -> list[Round]:
    """Share ``versions`` out over commits, in an order that keeps each path's own."""
    times_seen: Counter[str] = Counter()
    found: dict[tuple[int, str, str], list[Version]] = {}
    for version in versions:
        key = (times_seen[version.path], version.author, version.message)
        times_seen[version.path] += 1
        found.setdefault(key, []).append(version)
    in_order: Sequence[tuple[tuple[int, str, str], list[Version]]] = sorted(
        found.items(), key=lambda item: item[0][0]
    )
    return [Round(author, message, group) for (_, author, message), group in in_order]
