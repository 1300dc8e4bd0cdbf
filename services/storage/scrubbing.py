"""The scrubber: every stored byte is read again now and then, and proved.

Each blob is due when it was not proved for so long that all are read once in the configured time;
those proved longest ago come first, at a bounded rate. Crashed, it begins again with what it had
not proved yet. What cannot be read intact, twice, is quarantined.
"""

import asyncio
import hashlib
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from time import monotonic

from prometheus_client import Counter, Gauge

from libs.blobs import BlobDamaged, BlobNotFound, BlobTruncated
from libs.blobs.depot import Depot
from libs.blobs.encoding.computing import computed
from libs.chassis.database import Database
from libs.contracts.problems import Problem
from libs.contracts.storage import BlobPlace
from services.storage.leading import leading
from services.storage.quarantine import quarantine
from services.storage.repository import scrubs
from services.storage.settings import Settings
from services.storage.store_failures import store_failures

BLOBS_AT_ONCE = 100
DAY_S = 86_400.0
MOST_FAILURES = 5
"""So many at once are the store's, not the blobs'."""

BYTES = Counter("strongroom_storage_scrubbed_bytes_total", "Stored bytes read to prove them.")
BLOBS = Counter("strongroom_storage_scrubbed_blobs_total", "Blobs proved, by result.", ["result"])
QUARANTINED = Gauge("strongroom_storage_quarantined_blobs", "Blobs with damaged bytes.")
OLDEST = Gauge(
    "strongroom_storage_scrub_oldest_check_seconds", "Since the blob that is due next was proved."
)

log = logging.getLogger(__name__)


class Pace:
    """At most so many bytes a second, on average since it began."""

    def __init__(self, bytes_per_s: float) -> None:
        self._bytes_per_s = bytes_per_s
        self._began_at = monotonic()
        self._bytes = 0

    async def took(self, count: int) -> None:
        """Wait until as many bytes may be taken as were."""
        self._bytes += count
        ahead_s = self._bytes / self._bytes_per_s - (monotonic() - self._began_at)
        if ahead_s > 0:
            await asyncio.sleep(ahead_s)


async def scrub_blobs(db: Database, depot: Depot, settings: Settings) -> None:
    """Prove the blobs that are due."""
    async with leading(db, "scrub") as alone:
        if alone:
            await _scrub_due(db, depot, settings)
        async with db.connection() as conn:
            standing = await scrubs.standing(conn)
    QUARANTINED.set(standing.quarantined)
    if standing.oldest_check_at is not None:
        OLDEST.set((datetime.now(UTC) - standing.oldest_check_at).total_seconds())


async def _scrub_due(db: Database, depot: Depot, settings: Settings) -> None:
    pace = Pace(settings.scrub_bytes_per_s)
    period_s = DAY_S * 100 / settings.scrub_percent_per_day
    while True:
        async with db.connection() as conn:
            due = await scrubs.list_due(
                conn, period_s=period_s, again_s=min(DAY_S, period_s), limit=BLOBS_AT_ONCE
            )
        await _scrub_all(db, depot, due, pace)
        if len(due) < BLOBS_AT_ONCE:
            return


async def _scrub_all(db: Database, depot: Depot, due: Sequence[BlobPlace], pace: Pace) -> None:
    """Prove all of these; one that cannot be asked for, lacking its key, keeps back no other."""
    failures: list[Problem] = []
    for place in due:
        try:
            await scrub(db, depot, place, pace)
        except Problem as failure:
            failures.append(failure)
            if len(failures) == MOST_FAILURES:
                break
    if failures:
        raise failures[-1]


async def scrub(db: Database, depot: Depot, place: BlobPlace, pace: Pace) -> None:
    """Prove one blob, and note the result."""
    damage = await find_damage(depot, place, pace) and await find_damage(depot, place, pace)
    BYTES.inc(place.stored_bytes)
    if damage is None:
        async with db.connection() as conn:
            lifted = await scrubs.note_intact(conn, place)
        BLOBS.labels("mended" if lifted else "intact").inc()
        return
    async with db.transaction() as tx:
        new = await quarantine(tx, place, damage, proved=True)
    BLOBS.labels("damaged").inc()
    if new:
        log.error("blob %s is quarantined: %s", place.blob_id, damage)


async def find_damage(depot: Depot, place: BlobPlace, pace: Pace) -> str | None:
    """Read a blob to its end and return what is wrong with it, or None.

    Raises a problem when the store cannot be asked: that says nothing about the bytes.
    """
    digest = hashlib.sha256()
    with store_failures():
        try:
            async with await depot.read(place) as body:
                async for chunk in body:
                    await computed(len(chunk), digest.update, chunk)
                    await pace.took(len(chunk))
        except BlobNotFound:
            return "the object is not in the store"
        except (BlobDamaged, BlobTruncated) as error:
            return str(error)
    if digest.hexdigest() != place.sha256:
        return "the stored bytes are not those that were uploaded"
    return None
