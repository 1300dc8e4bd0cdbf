"""The checks that storage makes itself: ``content``, and ``clamav`` where there is a ``clamd``.

Each is claimed for a lease that goes on while the bytes are read; neither a transaction nor a
consumer waits for them. A check may be made twice, when its process dies or is cut off: its verdict
counts once. What says nothing about the bytes (no store, no ``clamd``) is tried again after growing
pauses, until the deadline of the content.
"""

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prometheus_client import Counter

from libs.blobs import BlobDamaged, BlobNotFound, BlobTruncated
from libs.blobs.depot import Depot
from libs.blobs.encoding.computing import computed
from libs.chassis.crashpoint import crashpoint
from libs.chassis.database import Database
from libs.contracts.problems import Problem, ServiceUnavailable
from libs.contracts.storage import GiveVerdict
from libs.media import HEAD_BYTES, contradiction
from services.storage.checking import give_verdict
from services.storage.clamd import TOO_LARGE, ClamdUnavailable, scan
from services.storage.domain.checks import ACTOR, CLAMAV, CONTENT, pause_s
from services.storage.repository import own_checks
from services.storage.repository.own_checks import Claimed
from services.storage.settings import Settings
from services.storage.store_failures import store_failures

LANES = 2
"""How many of these loops run beside each other, so that a large file keeps back no small one."""

FIRST_PAUSE_S = 2.0
TOO_LATE = frozenset({"check-not-found", "check-decided", "verdict-given", "bucket-closing"})

MADE = Counter("strongroom_storage_own_checks_total", "Checks made here.", ["check", "result"])

log = logging.getLogger(__name__)


async def make_checks(db: Database, depot: Depot, settings: Settings) -> None:
    """Make the checks that are due, one after the other."""
    mine = [CONTENT] if settings.clamd_address is None else [CONTENT, CLAMAV]
    while True:
        async with db.connection() as conn:
            claimed = await own_checks.claim(conn, mine, lease_s=settings.check_lease_s)
        if claimed is None:
            return
        await make_check(db, depot, settings, claimed)


async def make_check(db: Database, depot: Depot, settings: Settings, claimed: Claimed) -> None:
    """Make one check and give its verdict, or put it off."""
    try:
        async with _leased(db, claimed, settings.check_lease_s):
            refusal = await _refusal(depot, settings, claimed)
        crashpoint("after_check")
    except (Problem, ClamdUnavailable) as failure:
        MADE.labels(claimed.check, "put off").inc()
        wait_s = pause_s(FIRST_PAUSE_S, claimed.tries)
        log.warning("%s is made again in %g s: %s", claimed.check, wait_s, failure)
        async with db.connection() as conn:
            await own_checks.due_in(conn, claimed, wait_s)
        return
    MADE.labels(claimed.check, "passed" if refusal is None else "refused").inc()
    verdict = GiveVerdict(
        bucket=claimed.bucket,
        check_id=claimed.check_id,
        check=claimed.check,
        verdict="passed" if refusal is None else "refused",
        reason=refusal or "",
        actor=ACTOR,
    )
    try:
        await give_verdict(db, verdict)
    except Problem as problem:
        if problem.code not in TOO_LATE:
            raise
        log.info("the verdict of %s came too late: %s", claimed.check, problem)


async def _refusal(depot: Depot, settings: Settings, claimed: Claimed) -> str | None:
    """Return why the content is refused, or None; raises what says nothing about it."""
    try:
        if claimed.check == CONTENT:
            return await _look_at_content(depot, claimed)
        return await _scan(depot, settings, claimed)
    except (BlobNotFound, BlobDamaged, BlobTruncated) as damage:
        return f"the stored bytes cannot be read: {damage}"[:500]


async def _look_at_content(depot: Depot, claimed: Claimed) -> str | None:
    """Prove the bytes, and that they are not something dangerous that claims to be harmless."""
    digest = hashlib.sha256()
    head = b""
    size = 0
    async for piece in _bytes_of(depot, claimed):
        if len(head) < HEAD_BYTES:
            head += piece[: HEAD_BYTES - len(head)]
        size += len(piece)
        await computed(len(piece), digest.update, piece)
    if (size, digest.hexdigest()) != (claimed.place.size, claimed.place.sha256):
        return "the stored bytes are not those that were uploaded"
    return contradiction(claimed.content_type, head)


async def _scan(depot: Depot, settings: Settings, claimed: Claimed) -> str | None:
    if settings.clamd_address is None:
        raise ServiceUnavailable("there is no clamd")
    if claimed.place.size > settings.clamd_most_bytes:
        return TOO_LARGE
    found = await scan(
        settings.clamd_address, _bytes_of(depot, claimed), timeout_s=settings.clamd_timeout_s
    )
    return None if found.clean else found.reason[:500]


async def _bytes_of(depot: Depot, claimed: Claimed) -> AsyncIterator[bytes]:
    with store_failures():
        async with await depot.read(claimed.place) as body:
            async for piece in body:
                yield piece


@asynccontextmanager
async def _leased(db: Database, claimed: Claimed, lease_s: float) -> AsyncIterator[None]:
    """Keep others from the check while the block is at it."""

    async def renew() -> None:
        while True:
            await asyncio.sleep(lease_s / 3)
            try:
                async with db.connection() as conn:
                    await own_checks.due_in(conn, claimed, lease_s)
            except Problem as problem:
                log.warning("a lease is not renewed: %s", problem)

    renewing = asyncio.create_task(renew())
    try:
        yield
    finally:
        renewing.cancel()
