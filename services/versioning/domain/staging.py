"""What a staged write means: the states that it wants, and whether it may have them."""

from collections.abc import Mapping, Sequence

from libs.contracts.values import FilePath, Sha256
from libs.contracts.versioning import StagedWrite
from services.versioning.domain.errors import PathChangedTwice, PreconditionFailed
from services.versioning.domain.titles import many_files
from services.versioning.domain.tree import Entry


def wanted_states(writes: Sequence[StagedWrite]) -> dict[str, Entry | None]:
    """Return what each path is to become; raises ``PathChangedTwice``."""
    states: dict[str, Entry | None] = {}
    for write in writes:
        if write.path in states:
            raise PathChangedTwice(f"{write.path} is written twice", path=write.path)
        states[write.path] = _entry(write)
    return states


def check_expected(
    expect: Mapping[FilePath, Sequence[Sha256] | None], now: Mapping[str, Entry]
) -> None:
    """Raise ``PreconditionFailed`` unless each file is one of those expected."""
    for path, digests in expect.items():
        entry = now.get(path)
        sha256 = entry.sha256.hex() if entry else None
        if digests is None:
            holds = entry is None
        else:
            holds = entry is not None and (not digests or sha256 in digests)
        if not holds:
            raise PreconditionFailed(f"{path} is not as expected", path=path, sha256=sha256)


def operation_of(before: Mapping[str, Entry], states: Mapping[str, Entry | None]) -> str:
    """Return what the writes have in common."""
    kinds = {_kind(before.get(path), entry) for path, entry in states.items()}
    return kinds.pop() if len(kinds) == 1 else "mixed"


def title_of(before: Mapping[str, Entry], states: Mapping[str, Entry | None]) -> str:
    """Return the message of a commit that nobody gave one."""
    operation = operation_of(before, states)
    if len(states) == 1:
        return f"{operation} {next(iter(states))}"
    return f"{'change' if operation == 'mixed' else operation} {many_files(len(states))}"


def _kind(before: Entry | None, after: Entry | None) -> str:
    if after is None:
        return "delete"
    if before is not None and before.sha256 == after.sha256:
        return "update"
    return "put"


def _entry(write: StagedWrite) -> Entry | None:
    if write.sha256 is None:
        return None
    return Entry(
        sha256=bytes.fromhex(write.sha256),
        size=write.size,
        content_type=write.content_type,
        metadata=write.metadata,
        tags=write.tags,
    )
