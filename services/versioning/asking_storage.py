"""Having storage change the files of main: all in one transaction of its, however many they are."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from libs.chassis.bus import Bus
from libs.contracts.ids import new_id
from libs.contracts.problems import AnsweredWithProblem
from libs.contracts.storage import AddChanges, ApplyChanges, ChangesApplied, GetBucket
from services.versioning.domain.change_sets import Part, parts_of
from services.versioning.domain.tree import Entry
from services.versioning.history import Draft
from services.versioning.repository.repositories import Repository

EXPECTED_OTHERWISE = "precondition-failed"


class FilesDiffer(Exception):
    """A file is not as the commit supposed: history is behind, or somebody else was faster."""


class Meant(Struct, frozen=True):
    """A commit that storage is to apply, and what it supposes of storage's files."""

    drafted: Draft
    now: Mapping[str, Entry]
    """What there is of the paths that it changes or ``reads``."""
    reads: Collection[str]


async def apply(
    bus: Bus, repository: Repository, meant: Meant, *, blind: bool, timeout_s: float
) -> ChangesApplied:
    """Change what the commit changes, if all is as it supposes; ``blind``: however it is.

    Raises ``FilesDiffer`` and what storage answers: nothing was changed then.
    """
    drafted = meant.drafted
    parts = parts_of(drafted.states, meant.now, meant.reads)
    if blind:
        parts = [Part(part.changes) for part in parts if part.changes]
    request = ApplyChanges(
        bucket=repository.bucket,
        actor=drafted.commit.author,
        changes=[],
        message=drafted.commit.message,
        operation="restore" if drafted.commit.operation == "restore" else None,
        commit_id=drafted.commit_id.hex(),
        lenient=True,
    )
    if len(parts) == 1:
        (part,) = parts
        request = replace(
            request,
            changes=list(part.changes),
            expect=dict(part.expect),
            expect_states=part.expect_states,
        )
    else:
        collected = await _collect(bus, repository, parts, timeout_s)
        request = replace(request, change_set_id=collected)
    try:
        return await bus.ask(request, timeout_s=timeout_s)
    except AnsweredWithProblem as problem:
        if problem.details().code == EXPECTED_OTHERWISE:
            raise FilesDiffer(problem.detail) from problem
        raise


async def is_recorded(bus: Bus, repository: Repository) -> bool:
    """Tell whether every change of the bucket's files becomes history."""
    bucket = await bus.ask(GetBucket(name=repository.bucket))
    return bucket.versioning == "auto"


async def _collect(
    bus: Bus, repository: Repository, parts: Sequence[Part], timeout_s: float
) -> UUID:
    change_set_id = new_id()
    for number, part in enumerate(parts):
        await bus.ask(
            AddChanges(
                change_set_id=change_set_id,
                bucket=repository.bucket,
                part=number,
                changes=part.changes,
                expect=dict(part.expect),
                expect_states=part.expect_states,
            ),
            timeout_s=timeout_s,
        )
    return change_set_id
