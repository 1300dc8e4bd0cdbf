"""Blobs: which bytes there are, where they lie, and which buckets ever held them."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from libs.chassis.database import Connection
from libs.contracts.storage import BlobPlace
from services.storage.domain.files import place_of


async def adopt(tx: Connection, arrived: Sequence[BlobPlace]) -> list[BlobPlace]:
    """Return for each of ``arrived`` the one blob with its bytes: itself, or one from before.

    None of them can be deleted until this transaction ends. Two commits of the same new bytes meet
    on the index: the second waits for the first and gets its blob. Bytes that arrived encrypted
    are another blob than the same bytes in clear.
    """
    found: dict[tuple[str, bool], BlobPlace] = {}
    missing = {_identity(place): place for place in arrived}
    while missing:
        rows = await tx.fetch(
            """
            WITH arrived AS (
                SELECT *
                FROM jsonb_to_recordset($1) AS a (
                    blob_id uuid, key text, sha256 text, size bigint, blake3 text,
                    object_offset bigint, stored_size bigint, codec text, master_key_id text,
                    wrapped_key text, backend text
                )
            ), known AS (
                SELECT blob.*
                FROM blob
                JOIN arrived
                    ON blob.sha256 = decode(arrived.sha256, 'hex')
                    AND (blob.master_key_id IS NOT NULL) = (arrived.master_key_id IS NOT NULL)
                FOR KEY SHARE OF blob
            ), made AS (
                INSERT INTO blob (
                    blob_id, key, sha256, size, blake3, object_offset, stored_size, codec,
                    master_key_id, wrapped_key, backend
                )
                SELECT blob_id, key, decode(sha256, 'hex'), size, decode(blake3, 'hex'),
                    object_offset, stored_size, codec, master_key_id,
                    decode(wrapped_key, 'base64'), backend
                FROM arrived
                WHERE NOT EXISTS (
                    SELECT FROM known
                    WHERE known.sha256 = decode(arrived.sha256, 'hex')
                        AND (known.master_key_id IS NULL) = (arrived.master_key_id IS NULL)
                )
                -- In one order, as two commits of the same bytes wait for each other here.
                ORDER BY sha256
                ON CONFLICT (sha256, (master_key_id IS NOT NULL)) DO NOTHING
                RETURNING *
            )
            SELECT * FROM known
            UNION ALL
            SELECT * FROM made
            """,
            [place_as_row(place) for place in missing.values()],
        )
        found |= {_identity(place): place for place in map(place_of, rows)}
        # What another commit made after this statement began is seen by the next one.
        missing = {identity: place for identity, place in missing.items() if identity not in found}
    return [found[_identity(place)] for place in arrived]


async def hold(tx: Connection, held: Sequence[tuple[UUID, UUID]]) -> None:
    """Note which bucket (first) holds which blob (second) from now on."""
    await tx.execute(
        """
        INSERT INTO bucket_blob (bucket_id, blob_id)
        SELECT *
        FROM unnest($1::uuid[], $2::uuid[]) AS held (bucket_id, blob_id)
        ORDER BY bucket_id, blob_id
        ON CONFLICT DO NOTHING
        """,
        [bucket_id for bucket_id, _ in held],
        [blob_id for _, blob_id in held],
    )


async def list_held(conn: Connection, bucket_id: UUID, digests: Sequence[str]) -> list[BlobPlace]:
    """Return those of ``digests`` that the bucket ever held."""
    rows = await conn.fetch(
        """
        SELECT blob.*
        FROM blob
        JOIN bucket_blob USING (blob_id)
        WHERE sha256 = ANY ($2::bytea[])
            AND bucket_id = $1
        """,
        bucket_id,
        [bytes.fromhex(sha256) for sha256 in digests],
    )
    return list(map(place_of, rows))


async def list_held_for_share(
    tx: Connection, bucket_id: UUID, digests: Sequence[str]
) -> list[BlobPlace]:
    """Return the same; none of them can be deleted until this transaction ends."""
    rows = await tx.fetch(
        """
        SELECT blob.*
        FROM blob
        JOIN bucket_blob USING (blob_id)
        WHERE sha256 = ANY ($2::bytea[])
            AND bucket_id = $1
        ORDER BY blob_id
        FOR KEY SHARE OF blob
        """,
        bucket_id,
        [bytes.fromhex(sha256) for sha256 in digests],
    )
    return list(map(place_of, rows))


def _identity(place: BlobPlace) -> tuple[str, bool]:
    return place.sha256, place.sealed is not None


def place_as_row(place: BlobPlace) -> dict[str, object]:
    """Return the columns of a blob as JSON carries them."""
    sealed = place.sealed and msgspec.to_builtins(place.sealed)
    return {
        "blob_id": str(place.blob_id),
        "key": place.key,
        "sha256": place.sha256,
        "size": place.size,
        "blake3": place.blake3,
        "object_offset": place.offset,
        "stored_size": place.stored_bytes,
        "codec": place.codec,
        "master_key_id": sealed and sealed["master"],
        "wrapped_key": sealed and sealed["wrapped"],
        "backend": place.backend,
    }
