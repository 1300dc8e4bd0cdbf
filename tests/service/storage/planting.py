"""Many files at once, by SQL: nothing is announced of them."""

from collections.abc import Mapping, Sequence

from libs.chassis.database import Database
from libs.contracts.ids import new_id
from libs.contracts.storage import GetBucket
from tests.service.storage.bucket import ACTOR, Bucket, digest


async def plant(
    bucket: Bucket, db: Database, paths: Sequence[str], *, tags: Mapping[str, str] | None = None
) -> None:
    """Make files at ``paths``, all with the same content."""
    content = new_id().bytes
    await bucket.put("seed", content)
    await bucket.delete("seed")
    info = await bucket.ask(GetBucket(name=bucket.name))
    async with db.transaction() as tx:
        await tx.execute(
            """
            INSERT INTO file (
                bucket_id, path, revision, blob_id, sha256, size, content_type, metadata, tags,
                modified_at, modified_by
            )
            SELECT $1, path, 1, blob_id, sha256, size, 'text/plain', '{}', $5, now(), $4
            FROM unnest($2::text[]) AS path
            CROSS JOIN blob
            WHERE sha256 = $3
            """,
            info.bucket_id,
            paths,
            bytes.fromhex(digest(content)),
            ACTOR,
            dict(tags or {}),
        )
