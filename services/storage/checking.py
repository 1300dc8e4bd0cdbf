"""What checks say decides what waits; and nothing waits for ever.

A verdict, and what follows from the last one, are one transaction: content that passed is a file,
or has failed for a reason that is told, when its last verdict is answered. Verdicts may be given
again. What nobody answers is asked for again after growing pauses, and refused at its deadline.
"""

from datetime import UTC, datetime

from prometheus_client import Counter

from libs.chassis import outbox
from libs.chassis.crashpoint import crashpoint
from libs.chassis.database import Connection, Database
from libs.contracts.problems import Problem
from libs.contracts.storage import GiveVerdict
from services.storage import arriving
from services.storage.domain.checks import (
    ASK_AGAIN_S,
    IN_TIME,
    KEPT_S,
    Decision,
    PendingFile,
)
from services.storage.repository import buckets, pending, verdicts

ROWS_AT_ONCE = 200

DECIDED = Counter("strongroom_storage_checks_decided_total", "Checked content.", ["state"])
ASKED_AGAIN = Counter("strongroom_storage_checks_asked_again_total", "Requests made again.")


async def give_verdict(db: Database, given: GiveVerdict) -> PendingFile:
    """Note what a check found, and decide as far as it does."""
    async with db.transaction() as tx:
        bucket = await buckets.get_open_for_share(tx, given.bucket)
        waiting = await pending.get_for_update(tx, bucket.bucket_id, given.check_id)
        if not waiting.is_new(given.check, given.verdict):
            return waiting
        await verdicts.update_verdict(
            tx,
            given.check_id,
            given.check,
            given.verdict,
            reason=given.reason,
            actor=given.actor,
        )
        answered = await pending.get(tx, bucket.bucket_id, given.check_id)
        decision = await _decide(tx, answered, given)
        if decision is not None:
            await verdicts.update_decided(tx, given.check_id, decision)
            answered = await pending.get(tx, bucket.bucket_id, given.check_id)
            await outbox.add(tx, answered.checked())
        crashpoint("before_verdict")
    crashpoint("after_verdict")
    if decision is not None:
        DECIDED.labels(decision.state).inc()
    return answered


async def _decide(tx: Connection, waiting: PendingFile, given: GiveVerdict) -> Decision | None:
    """Return how the waiting ends with this verdict, the file put if it does well; or None."""
    now = datetime.now(UTC)
    if given.verdict == "refused":
        reason = f"{given.check}: {given.reason}" if given.reason else f"{given.check} refused it"
        return Decision(state="refused", reason=reason, at=now)
    if waiting.deadline_at <= now:
        return Decision(state="refused", reason=IN_TIME, at=now)
    if not waiting.passed or waiting.blob_id is None:
        return None
    place = await pending.get_place(tx, waiting.blob_id)
    outcome = await arriving.admit(tx, waiting.arrival(place))
    if isinstance(outcome, Problem):
        details = outcome.details()
        reason = details.detail or details.title
        return Decision(state="failed", reason=reason, problem=details, at=now)
    return Decision(state="visible", revision=outcome.revision, at=outcome.at)


async def sweep_checks(db: Database) -> None:
    """Refuse what was not checked in time, and ask again for what was not answered."""
    refused = asked = ROWS_AT_ONCE
    while refused == ROWS_AT_ONCE:
        async with db.transaction() as tx:
            overdue = await verdicts.refuse_overdue(tx, limit=ROWS_AT_ONCE, at=datetime.now(UTC))
            await outbox.add(tx, *(one.checked() for one in overdue))
            if overdue:
                crashpoint("before_overdue")
        refused = len(overdue)
        DECIDED.labels("refused").inc(refused)
    while asked == ROWS_AT_ONCE:
        async with db.transaction() as tx:
            waiting = await pending.ask_again(tx, first_s=ASK_AGAIN_S, limit=ROWS_AT_ONCE)
            await outbox.add(tx, *(one.requested() for one in waiting))
            if waiting:
                crashpoint("before_ask_again")
        asked = len(waiting)
        ASKED_AGAIN.inc(asked)


async def forget_checks(db: Database) -> None:
    """Forget what was decided long ago."""
    forgotten = ROWS_AT_ONCE
    while forgotten == ROWS_AT_ONCE:
        async with db.transaction() as tx:
            forgotten = await verdicts.delete_decided(tx, kept_s=KEPT_S, limit=ROWS_AT_ONCE)
