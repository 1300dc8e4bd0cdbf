"""How events of files become versions and commits. No I/O here.

A batch becomes as few commits as it can without losing a state of a file: events of one author
with one message share a commit, and a path that changed twice gets two.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

from msgspec import Struct

from libs.contracts.storage import ChangedFile, FileDeleted, FilesChanged, FileStored
from libs.contracts.values import Actor, Operation
from services.versioning.domain.titles import many_files
from services.versioning.domain.tree import Entry

FileEvent = FileStored | FileDeleted | FilesChanged

MOST_IN_A_COMMIT = 200_000
"""States that are held in memory and recorded at once."""


class Version(Struct, frozen=True, kw_only=True):
    """A state of a file; ``entry`` is None where it was deleted."""

    path: str
    revision: int
    operation: Operation
    author: Actor
    message: str
    created_at: datetime
    entry: Entry | None
    commit_id: str | None = None
    """The commit that versioning meant to make of this, if it did."""


class Round(NamedTuple):
    """Versions of different paths that one commit records."""

    author: Actor
    message: str
    commit_id: str | None
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
        if verb == "move":  # each is a state here, and one there
            return f"move {many_files(sum(one.entry is not None for one in self.versions))}"
        return f"{verb} {many_files(len(self.versions))}"


def versions_of(event: FileEvent) -> Iterator[Version]:
    """Yield the states that ``event`` tells of."""
    if not isinstance(event, FilesChanged):
        yield _version(event, event.path, event.revision, entry_of(event))
        return
    for file in event.changed:
        yield _version(event, file.path, file.revision, entry_of(file))
        if file.source is not None and file.source_revision is not None:
            yield _version(event, file.source, file.source_revision, None)


def entry_of(state: FileStored | FileDeleted | ChangedFile) -> Entry | None:
    """Return what a tree says about the file, None where it is gone."""
    if isinstance(state, FileDeleted) or state.sha256 is None:
        return None
    return Entry(
        sha256=bytes.fromhex(state.sha256),
        size=state.size,
        content_type=state.content_type,
        metadata=state.metadata,
        tags=state.tags,
    )


def portions(versions: Iterable[Version], most: int = MOST_IN_A_COMMIT) -> Iterator[list[Version]]:
    """Yield ``versions`` in their order, up to ``most`` at a time."""
    portion: list[Version] = []
    for version in versions:
        portion.append(version)
        if len(portion) == most:
            yield portion
            portion = []
    if portion:
        yield portion


def rounds(versions: Iterable[Version]) -> list[Round]:
    """Share ``versions`` out over commits, in an order that keeps each path's own."""
    times_seen: Counter[str] = Counter()
    found: dict[tuple[int, str, str, str | None], list[Version]] = {}
    for version in versions:
        key = (times_seen[version.path], version.author, version.message, version.commit_id)
        times_seen[version.path] += 1
        found.setdefault(key, []).append(version)
    # What was meant to be a commit comes before what happened beside it: it is more likely that
    # main is still where it was meant to be put on.
    in_order = sorted(found.items(), key=lambda item: (item[0][0], item[0][3] is None))
    return [
        Round(author, message, commit_id, group)
        for (_, author, message, commit_id), group in in_order
    ]


def _version(event: FileEvent, path: str, revision: int, entry: Entry | None) -> Version:
    return Version(
        path=path,
        revision=revision,
        operation=event.operation,
        author=event.actor,
        message=event.message,
        created_at=event.occurred_at,
        entry=entry,
        commit_id=event.commit_id,
    )
