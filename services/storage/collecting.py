"""Deleting blobs that nothing needs: no live file, no trash, no version, no branch, no open upload.

**The way out.** A row that stops naming a blob leaves a note, by a trigger, in the transaction
that changes it (and a slow walk over all blobs finds what was never noted). A noted blob that
nothing names is *condemned*. After the grace, storage asks versioning whether the history of any
bucket that ever held it still needs it. If not, one transaction looks again, deletes the blob with
what buckets held of it, and dooms its object, which stays for as long as a reader may need.

**Why nothing that is needed goes.** Let ``C`` be the commit of the condemnation, ``A`` the asking
and ``D`` the deletion of blob ``b``; ``C < A < D``.

1. Whoever makes a row name ``b`` locks ``b``'s row (its foreign key does). ``C`` and ``D`` hold
   that row ``FOR UPDATE`` while they look. So what names ``b`` either is committed and seen, or
   waits and then finds ``b`` gone: a dedupe hit stores its own bytes, a change by digest answers
   ``content-not-found``.
2. At ``C`` nothing named ``b``. Had anything named it between ``C`` and ``D``, then at ``D`` either
   it still does, or what unnamed it left a note: both spare ``b``. So if ``b`` goes, nothing named
   it from ``C`` on, and every ``file.stored`` that tells of ``b`` was committed before ``C``.
3. The mark of ``A`` is written after ``C``, so its place in the outbox is behind all of those, and
   the relay publishes in the order of the outbox. Versioning answers only when everything before
   the mark is applied or parked, and counts parked events as use (``requests/in_use.py`` there).
   So its "not in use" is true of all that was ever announced of ``b``.
4. History takes content from events of storage, from holds and from history itself, never from
   elsewhere: what is not in use at ``A``, and came by no event or hold after it, is not at ``D``.
   From a hold (a row of ``held_content``, which names ``b``) it comes by a transaction that begins
   to name ``b`` only while the hold has ten minutes left, and so commits while that row is there.
   If ``b`` goes, that row went before ``C`` (2.), so the transaction committed before ``A`` and
   ``A`` sees it. From history itself it comes by a transaction that keeps what it takes from being
   given up until it has committed (``keep_in_use`` there).

A deleted bucket is asked for like any other as long as it may be brought back: what it held is
removed by its purge, whose lock bringing it back needs, too. Whichever comes second looks again.

A crash between two steps leaves a note, a condemned blob or a doomed object: the next round goes on
there. Two collectors at once take different rows or wait for each other.
"""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from prometheus_client import Counter

from libs.chassis import outbox
from libs.chassis.bus import Bus
from libs.chassis.crashpoint import crashpoint
from libs.chassis.database import Database
from libs.contracts.ids import new_id
from libs.contracts.storage import BucketMarked
from libs.contracts.versioning import BlobsInUse
from services.storage.repository import collecting
from services.storage.repository.collecting import Held
from services.storage.settings import Settings

NOTES_AT_ONCE = 1000
BLOBS_AT_ONCE = 500
ANSWER_WITHIN_S = 15.0

CONDEMNED = Counter("strongroom_storage_blobs_condemned_total", "Blobs that nothing named.")
SPARED = Counter("strongroom_storage_blobs_spared_total", "Condemned blobs that are needed.")
COLLECTED = Counter("strongroom_storage_blobs_collected_total", "Blobs that were deleted.")


async def condemn_unnamed_blobs(db: Database) -> None:
    """Condemn the blobs that were noted and that nothing names."""
    done = NOTES_AT_ONCE
    while done == NOTES_AT_ONCE:
        async with db.transaction() as tx:
            done, condemned = await collecting.condemn_noted(tx, NOTES_AT_ONCE)
            if not done:
                return
            crashpoint("before_condemn")
        crashpoint("after_condemn")
        CONDEMNED.inc(condemned)


async def walk_blobs(db: Database, settings: Settings) -> None:
    """Look through some more of all blobs for those that nothing names: slow, and for ever."""
    async with db.transaction() as tx:
        await collecting.note_unnamed(
            tx,
            every_s=settings.blob_walk_interval_s,
            older_s=settings.blob_grace_s,
            limit=NOTES_AT_ONCE,
        )


async def collect_condemned_blobs(db: Database, bus: Bus, settings: Settings) -> None:
    """Delete the blobs whose grace is over and that history does not need."""
    done = BLOBS_AT_ONCE
    while done == BLOBS_AT_ONCE:
        async with db.connection() as conn:
            ripe = await collecting.list_ripe(
                conn, grace_s=settings.blob_grace_s, limit=BLOBS_AT_ONCE
            )
        if not ripe:
            return
        needed = await _needed_by_history(db, bus, ripe)
        done = await _delete(db, settings, needed, [blob for blob in ripe if blob not in needed])


async def _needed_by_history(db: Database, bus: Bus, blob_ids: Sequence[UUID]) -> set[UUID]:
    async with db.connection() as conn:
        held = await collecting.list_holders(conn, blob_ids)
    if not held:
        return set()
    mark_id = await _mark(db, held[0])
    by_bucket: dict[UUID, dict[str, set[UUID]]] = defaultdict(lambda: defaultdict(set))
    for each in held:
        by_bucket[each.bucket_id][each.sha256].add(each.blob_id)
    needed: set[UUID] = set()
    for bucket_id, blobs in by_bucket.items():
        question = BlobsInUse(bucket_id=bucket_id, digests=list(blobs), mark_id=mark_id)
        answer = await bus.ask(question, timeout_s=ANSWER_WITHIN_S)
        needed.update(*(blobs[sha256] for sha256 in answer.digests))
    return needed


async def _mark(db: Database, held: Held) -> UUID:
    """Announce a mark behind everything that storage did until now, in whatever bucket."""
    mark_id = new_id()
    async with db.transaction() as tx:
        mark = BucketMarked(bucket=held.bucket, bucket_id=held.bucket_id, mark_id=mark_id)
        await outbox.add(tx, mark)
    return mark_id


async def _delete(
    db: Database, settings: Settings, needed: set[UUID], unneeded: Sequence[UUID]
) -> int:
    """Delete and spare; return how many blobs are condemned no more."""
    async with db.transaction() as tx:
        await collecting.spare(tx, needed)
        gone, saved = await collecting.delete_condemned(
            tx, unneeded, object_grace_s=settings.object_grace_s
        )
        crashpoint("before_collect")
    crashpoint("after_collect")
    SPARED.inc(len(needed) + saved)
    COLLECTED.inc(gone)
    return len(needed) + saved + gone
