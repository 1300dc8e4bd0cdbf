"""Content that waits for checks: what they may say, and when that decides."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Self
from uuid import UUID

import msgspec
from msgspec import Struct

from libs.contracts.problems import ProblemDetails
from libs.contracts.storage import (
    BlobPlace,
    CheckState,
    CheckVerdict,
    Expectation,
    FileCheck,
    FileChecked,
    FileCheckRequested,
    FilePut,
    Verdict,
)
from libs.contracts.values import Labels, Operation
from services.storage.domain.arrivals import Arrival, Committed
from services.storage.domain.buckets import Bucket
from services.storage.domain.errors import (
    CheckDecided,
    CheckNotRequired,
    CheckUnavailable,
    InvalidChecks,
    VerdictGiven,
)
from services.storage.domain.row import Row

CLAMAV = "clamav"
CONTENT = "content"

IN_TIME = "not checked in time"
"""Why something is refused that nobody refused."""

ACTOR = "service:storage"
"""Who refuses what was not checked in time, and gives the verdicts of storage's own checks."""

ASK_AGAIN_S = 30.0
"""How long nobody answers before checks are asked for again; then twice as long each time."""

KEPT_S = 7 * 86_400.0
"""How long what was decided can be looked at."""

LONGEST_PAUSE_S = 3600.0
_MOST_DOUBLINGS = 20


def check_names(names: Sequence[str], *, clamd: bool) -> None:
    """Raise unless a bucket may require these checks; ``clamd`` tells whether there is one."""
    if len(set(names)) != len(names):
        raise InvalidChecks("a check is named twice", checks=list(names))
    if CLAMAV in names and not clamd:
        raise CheckUnavailable(
            "this installation has no clamd: its operator sets STRONGROOM_STORAGE_CLAMD_ADDRESS",
            check=CLAMAV,
        )


def pause_s(first_s: float, times: int) -> float:
    """Return how long to wait after something was tried so many times: twice as long each time."""
    doubled: float = first_s * 2 ** min(max(times - 1, 0), _MOST_DOUBLINGS)
    return min(doubled, LONGEST_PAUSE_S)


class Answer(Struct, frozen=True, kw_only=True):
    """One check that content has to pass, and what it said."""

    name: str
    verdict: Verdict | None
    reason: str
    actor: str | None
    at: datetime | None


class PendingFile(Struct, frozen=True, kw_only=True):
    """Content that waits for its checks, or did."""

    check_id: UUID
    bucket: Bucket
    path: str
    blob_id: UUID | None
    """Which bytes it has, as long as it waits."""
    sha256: str
    size: int
    content_type: str
    metadata: Labels
    tags: Labels
    actor: str
    expect: Expectation
    operation: Operation
    message: str
    state: CheckState
    arrived_at: datetime
    deadline_at: datetime
    asked_at: datetime
    asked_times: int
    decided_at: datetime | None
    reason: str
    problem: ProblemDetails | None
    revision: int | None
    answers: Sequence[Answer]

    @classmethod
    def of(cls, row: Row) -> Self:
        """Read a row of ``pending_file`` joined with its bucket, and its ``answers`` as JSON."""
        same = (
            "check_id path blob_id size content_type metadata tags actor operation message "
            "arrived_at deadline_at asked_at asked_times decided_at reason revision"
        )
        problem = row["problem"]
        return cls(
            bucket=Bucket.of(row),
            state=row["check_state"],
            sha256=row["sha256"].hex(),
            expect=Expectation(**row["expect"]),
            problem=None if problem is None else msgspec.convert(problem, ProblemDetails),
            answers=msgspec.convert(row["answers"], list[Answer]),
            **{name: row[name] for name in same.split()},
        )

    @classmethod
    def arrived(cls, arrival: Arrival, blob: BlobPlace, *, check_id: UUID, now: datetime) -> Self:
        """Return new content that begins to wait."""
        settings = arrival.bucket.settings
        return cls(
            check_id=check_id,
            bucket=arrival.bucket,
            path=arrival.path,
            blob_id=blob.blob_id,
            sha256=blob.sha256,
            size=blob.size,
            content_type=arrival.content_type,
            metadata=arrival.metadata,
            tags=arrival.tags,
            actor=arrival.actor,
            expect=arrival.expect,
            operation=arrival.operation,
            message=arrival.message,
            state="waiting",
            arrived_at=now,
            deadline_at=now + timedelta(seconds=settings.check_deadline_s),
            asked_at=now,
            asked_times=1,
            decided_at=None,
            reason="",
            problem=None,
            revision=None,
            answers=[
                Answer(name=name, verdict=None, reason="", actor=None, at=None)
                for name in settings.checks
            ],
        )

    @property
    def waits_for(self) -> list[str]:
        """The checks that have said nothing yet."""
        return [answer.name for answer in self.answers if answer.verdict is None]

    @property
    def passed(self) -> bool:
        """Tell whether all checks have passed."""
        return all(answer.verdict == "passed" for answer in self.answers)

    def is_new(self, check: str, verdict: Verdict) -> bool:
        """Tell whether a verdict says something new; raises when it must not be given.

        Raises ``CheckNotRequired``, ``VerdictGiven`` for another one than before, and
        ``CheckDecided`` when it is too late.
        """
        check_id = str(self.check_id)
        known = next((answer for answer in self.answers if answer.name == check), None)
        if known is None:
            raise CheckNotRequired(
                f"{self.path!r} does not wait for {check}", check_id=check_id, check=check
            )
        if known.verdict == verdict:
            return False
        if known.verdict is not None:
            raise VerdictGiven(f"{check} has {known.verdict} it", check_id=check_id, check=check)
        if self.state != "waiting":
            raise CheckDecided(f"{self.path!r} is {self.state}", check_id=check_id, check=check)
        return True

    def arrival(self, blob: BlobPlace) -> Arrival:
        """Return the content as it arrived, for its path."""
        return Arrival(
            bucket=self.bucket,
            path=self.path,
            place=blob,
            actor=self.actor,
            content_type=self.content_type,
            metadata=self.metadata,
            tags=self.tags,
            expect=self.expect,
            operation=self.operation,
            message=self.message,
        )

    def info(self) -> FileCheck:
        """Return it as its users see it."""
        return FileCheck(
            check_id=self.check_id,
            bucket=self.bucket.name,
            path=self.path,
            size=self.size,
            sha256=self.sha256,
            content_type=self.content_type,
            metadata=self.metadata,
            tags=self.tags,
            actor=self.actor,
            state=self.state,
            checks=[answer.name for answer in self.answers],
            waits_for=self.waits_for,
            verdicts=self._verdicts(),
            arrived_at=self.arrived_at,
            deadline_at=self.deadline_at,
            asked_at=self.asked_at,
            asked_times=self.asked_times,
            decided_at=self.decided_at,
            reason=self.reason,
            problem=self.problem,
            revision=self.revision,
        )

    def requested(self) -> FileCheckRequested:
        """Return the event that asks for the checks that say nothing yet."""
        return FileCheckRequested(
            bucket=self.bucket.name,
            bucket_id=self.bucket.bucket_id,
            check_id=self.check_id,
            path=self.path,
            sha256=self.sha256,
            size=self.size,
            content_type=self.content_type,
            actor=self.actor,
            checks=self.waits_for,
            deadline_at=self.deadline_at,
            attempt=self.asked_times,
        )

    def checked(self) -> FileChecked:
        """Return the event that tells what was decided."""
        return FileChecked(
            bucket=self.bucket.name,
            bucket_id=self.bucket.bucket_id,
            check_id=self.check_id,
            path=self.path,
            sha256=self.sha256,
            size=self.size,
            content_type=self.content_type,
            actor=self.actor,
            state=self.state,
            reason=self.reason,
            verdicts=self._verdicts(),
            revision=self.revision,
        )

    def _verdicts(self) -> list[CheckVerdict]:
        return [
            CheckVerdict(
                check=answer.name,
                verdict=answer.verdict,
                reason=answer.reason,
                actor=answer.actor,
                at=answer.at,
            )
            for answer in self.answers
            if answer.verdict and answer.actor and answer.at
        ]


def answer(arrival: Arrival, outcome: "Committed | PendingFile") -> FilePut:
    """Return what whoever brought it is told: the file, or what it waits for."""
    if isinstance(outcome, PendingFile):
        return FilePut(check=outcome.info())
    return arrival.answer(outcome)


class Decision(Struct, frozen=True, kw_only=True):
    """How waiting ends."""

    state: CheckState
    reason: str = ""
    problem: ProblemDetails | None = None
    revision: int | None = None
    at: datetime
