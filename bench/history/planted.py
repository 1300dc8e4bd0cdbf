"""A bucket with many files that nobody has to upload, and a long history, by versioning itself."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from libs.chassis.database import Database
from libs.contracts.versioning import GetBranch
from services.versioning import history
from services.versioning.domain.tree import Entry
from services.versioning.repository import repositories
from services.versioning.repository.nodes import NodeCache

COMMITS_AT_ONCE = 100
CACHED_NODES = 50_000


async def digests_of(database_url: str, bucket: str) -> list[str]:
    """Return the digests of a planted bucket's files, by path."""
    async with Database(database_url, pool_size=2) as database, database.connection() as conn:
        rows = await conn.fetch(
            """
            SELECT encode(sha256, 'hex') AS sha256
            FROM file
            JOIN bucket USING (bucket_id)
            WHERE name = $1
            ORDER BY path
            """,
            bucket,
        )
    return [row["sha256"] for row in rows]


async def lengthen(
    database_url: str, bucket: str, branch: str, paths: Sequence[str], digests: Sequence[str]
) -> None:
    """Give a branch a commit for each of ``paths``, which may repeat."""
    cache = NodeCache(CACHED_NODES)
    began = datetime.now(UTC)
    async with Database(database_url, pool_size=2, statement_timeout_s=120.0) as database:
        for first in range(0, len(paths), COMMITS_AT_ONCE):
            async with database.transaction() as tx:
                repository = await repositories.get_repository(
                    tx, GetBranch(bucket=bucket, name=branch)
                )
                head = await history.lock_branch(tx, repository, branch)
                for at in range(first, min(first + COMMITS_AT_ONCE, len(paths))):
                    digest = bytes.fromhex(digests[at % len(digests)])
                    drafted = await history.draft(
                        tx,
                        cache,
                        head,
                        {paths[at]: Entry(digest, at, "text/plain")},
                        author="service:bench",
                        message=f"commit {at}",
                        operation="commit",
                        committed_at=began + timedelta(milliseconds=at),
                    )
                    head = await history.write(tx, cache, repository, drafted)
