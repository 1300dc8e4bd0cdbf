"""Applying lifecycle rules: a loop that deletes what is old enough, some files at a time."""

import logging
from collections import defaultdict
from collections.abc import Sequence

from prometheus_client import Counter

from libs.chassis.database import Database
from libs.contracts.problems import Problem
from services.storage.domain.buckets import Bucket
from services.storage.domain.changes import Write
from services.storage.recording import record
from services.storage.repository import buckets, files
from services.storage.repository import lifecycle as rows
from services.storage.repository.lifecycle import Found

ACTOR = "service:storage"
LOOKED_AT_ONCE = 10_000
DELETED_AT_ONCE = 500

EXPIRED = Counter("strongroom_storage_expired_total", "Files that lifecycle rules deleted.")

log = logging.getLogger(__name__)


async def apply_lifecycle(db: Database) -> None:
    """Go through the buckets that have rules; one that refuses does not keep the others waiting."""
    async with db.connection() as conn:
        names = await rows.list_ruled_buckets(conn)
    for name in names:
        try:
            await _apply(db, name)
        except Problem as problem:
            log.warning("lifecycle rules of %s: %s %s", name, problem.details().code, problem)


async def _apply(db: Database, name: str) -> None:
    start_after: str | None = ""
    while start_after is not None:
        async with db.connection() as conn:
            bucket = await buckets.get_bucket(conn, name)
            if not bucket.settings.lifecycle:
                return
            found, start_after = await rows.find_expiries(
                conn,
                bucket.bucket_id,
                bucket.settings.lifecycle,
                start_after=start_after,
                looked_at=LOOKED_AT_ONCE,
                most=LOOKED_AT_ONCE,
            )
        due = [one for one in found if one.is_due]
        for at in range(0, len(due), DELETED_AT_ONCE):
            await _delete(db, bucket, due[at : at + DELETED_AT_ONCE])


async def _delete(db: Database, found_in: Bucket, due: Sequence[Found]) -> None:
    """Delete what still is as it was found, by rules that still are."""
    async with db.transaction() as tx:
        bucket = await buckets.get_open_for_share(tx, found_in.name)
        if (bucket.bucket_id, bucket.settings.lifecycle) != (
            found_in.bucket_id,
            found_in.settings.lifecycle,
        ):
            return
        paths = [one.expiry.path for one in due]
        present = {
            file.path: file.revision
            for file in await files.list_for_update(tx, bucket.bucket_id, paths)
        }
        by_rule: dict[str, list[Write]] = defaultdict(list)
        for one in due:
            if present.get(one.expiry.path) == one.revision:
                removal = Write(path=one.expiry.path, content=None, operation="delete")
                by_rule[one.expiry.rule].append(removal)
        for rule, removals in by_rule.items():
            message = f"lifecycle rule {rule}"
            gone = await record(tx, bucket, removals, ACTOR, message=message, as_set=True)
            EXPIRED.inc(len(gone))
