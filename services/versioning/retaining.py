"""Retention: giving up content of past states, never history.

**What goes.** Of ``main``: past states that neither the bucket's policy, nor a branch, nor (as the
policy says) a tag wants. Of other lines: what commits changed that no ref reaches any more, after
a grace. The rows stay and are marked; the digests of which no row is left that keeps them are
announced, and storage deletes the bytes once it has asked.

**Why nothing goes that is named meanwhile.** Whoever names content that history has (a commit on a
branch, a staged write), and whoever makes or moves a ref, does it under the bucket's lock for
naming, shared. A batch holds it alone while it looks and marks. ``main`` names no content that
storage does not hold at that moment: it learns from storage's events.
"""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from prometheus_client import Counter

from libs.chassis import outbox
from libs.chassis.bus import Bus
from libs.chassis.database import Connection, Database
from libs.contracts.problems import AnsweredWithProblem
from libs.contracts.versioning import RetentionPolicy, VersionsExpired
from services.versioning import locked_states
from services.versioning.domain.retention import State, judge
from services.versioning.repository import content, past_states, retention, unreached
from services.versioning.repository.past_states import Behind
from services.versioning.repository.repositories import Repository
from services.versioning.settings import Settings

STATES_AT_ONCE = 1000
BUCKETS_AT_ONCE = 100
DIGESTS_TOLD = 1000

log = logging.getLogger(__name__)

EXPIRED = Counter(
    "strongroom_versioning_states_expired_total", "Past states whose content was given up."
)


async def apply_policies(db: Database, bus: Bus, settings: Settings) -> None:
    """Apply the policies whose time has come, each in full."""
    async with db.connection() as conn:
        due = await retention.list_due(
            conn, every_s=settings.retention_interval_s, limit=BUCKETS_AT_ONCE
        )
    for bucket_id, bucket in due:
        try:
            while await apply_batch(db, bus, Repository(bucket_id, bucket)):
                pass
        except AnsweredWithProblem as problem:
            # Storage knows more of this bucket, e.g. that it is gone; others need not wait for it.
            log.warning("retention of %s: %s", bucket, problem)


async def apply_batch(db: Database, bus: Bus, repository: Repository) -> bool:
    """Apply a policy to some more states; tell whether there are others."""
    bucket_id = repository.bucket_id
    async with db.transaction() as tx:
        await content.lock_for_expiring(tx, bucket_id)
        retaining = await retention.find_retaining_for_update(tx, bucket_id)
        if retaining is None or retaining.policy is None:
            return False
        policy = retaining.policy
        behind = retaining.behind or Behind()
        page = await past_states.list_states(tx, bucket_id, behind, limit=STATES_AT_ONCE)
        expiring = await _expiring(tx, bus, repository, policy, page.states)
        await past_states.expire_states(tx, bucket_id, expiring)
        await tell(tx, repository, [(state.sha256, state.size) for state in expiring])
        await retention.move_on(tx, bucket_id, page.further)
    EXPIRED.inc(len(expiring))
    return page.further is not None


async def give_up_unreached(db: Database, settings: Settings) -> None:
    """Note what no ref reaches, and give up what was not reached for the grace."""
    async with db.connection() as conn:
        branched = await unreached.list_branched(conn)
    for bucket_id, bucket in branched:
        repository = Repository(bucket_id, bucket)
        async with db.transaction() as tx:
            await content.lock_for_expiring(tx, bucket_id)
            await unreached.note_unreached(tx, bucket_id)
        while await _give_up_some(db, repository, settings.unreached_grace_s):
            pass


async def tell(tx: Connection, repository: Repository, gone: Sequence[tuple[bytes, int]]) -> None:
    """Count states that were given up, and announce the digests that nothing keeps any more."""
    if not gone:
        return
    bucket_id = repository.bucket_id
    await retention.count_expired(
        tx, bucket_id, states=len(gone), size=sum(size for _, size in gone)
    )
    digests = sorted({sha256.hex() for sha256, _ in gone})
    kept = set(await content.list_in_use(tx, bucket_id, digests))
    free = [digest for digest in digests if digest not in kept]
    for first in range(0, len(free), DIGESTS_TOLD):
        told = free[first : first + DIGESTS_TOLD]
        await outbox.add(
            tx, VersionsExpired(bucket=repository.bucket, bucket_id=bucket_id, digests=told)
        )


async def _expiring(
    tx: Connection,
    bus: Bus,
    repository: Repository,
    policy: RetentionPolicy,
    states: Sequence[State],
) -> list[State]:
    anchors = await past_states.list_anchors(tx, repository.bucket_id, tags=policy.keep_tagged)
    now = datetime.now(UTC)
    expiring = [state for state in states if judge(state, policy, anchors, now).expires]
    locked = await locked_states.find_locked(
        bus, repository.bucket, [(state.path, state.revision) for state in expiring]
    )
    return [state for state in expiring if (state.path, state.revision) not in locked]


async def _give_up_some(db: Database, repository: Repository, grace_s: float) -> bool:
    async with db.transaction() as tx:
        await content.lock_for_expiring(tx, repository.bucket_id)
        gone = await unreached.expire_some(
            tx, repository.bucket_id, grace_s=grace_s, limit=STATES_AT_ONCE
        )
        await tell(tx, repository, gone)
    EXPIRED.inc(len(gone))
    return len(gone) == STATES_AT_ONCE
