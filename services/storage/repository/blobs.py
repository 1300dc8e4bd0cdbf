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
    wanted = {_identity(place): place for place in arrived}
    found: dict[tuple[str, bool], BlobPlace] = {}
    while missing := [place for identity, place in wanted.items() if identity not in found]:
        for place in await _insert_new(tx, missing):
            found[_identity(place)] = place
        known = [place for place in missing if _identity(place) not in found]
        for place in await _find_for_share(tx, known) if known else ():
            found[_identity(place)] = place
        # What another commit made and a collector took in between is inserted now.
    return [found[_identity(place)] for place in arrived]


async def _insert_new(tx: Connection, arrived: Sequence[BlobPlace]) -> list[BlobPlace]:
    """Make blobs of those whose bytes are new, and return them; most are."""
    rows = await tx.fetch(
        """
        INSERT INTO blob (
            blob_id, key, sha256, size, blake3, object_offset, stored_size, codec, master_key_id,
            wrapped_key, backend
        )
        SELECT blob_id, key, decode(sha256, 'hex'), size, decode(blake3, 'hex'), object_offset,
            stored_size, codec, master_key_id, decode(wrapped_key, 'base64'), backend
        FROM jsonb_to_recordset($1) AS arrived (
            blob_id uuid, key text, sha256 text, size bigint, blake3 text, object_offset bigint,
            stored_size bigint, codec text, master_key_id text, wrapped_key text, backend text
        )
        -- In one order, as two commits of the same bytes wait for each other here.
        ORDER BY sha256, master_key_id IS NOT NULL
        ON CONFLICT (sha256, (master_key_id IS NOT NULL)) DO NOTHING
        RETURNING *
        """,
        [place_as_row(place) for place in arrived],
    )
    return list(map(place_of, rows))


async def _find_for_share(tx: Connection, arrived: Sequence[BlobPlace]) -> list[BlobPlace]:
    """Return the blobs that have the bytes of ``arrived`` already.

    Each is looked up by itself: a join would be planned once, while the table is small, and read
    all of it ever after.
    """
    rows = await tx.fetch(
        """
        SELECT known.*
        FROM unnest($1::bytea[], $2::boolean[]) AS arrived (sha256, is_sealed)
        CROSS JOIN LATERAL (
            SELECT *
            FROM blob
            WHERE blob.sha256 = arrived.sha256
                AND (blob.master_key_id IS NOT NULL) = arrived.is_sealed
            LIMIT 1
            FOR KEY SHARE
        ) AS known
        """,
        [bytes.fromhex(place.sha256) for place in arrived],
        [place.sealed is not None for place in arrived],
    )
    return list(map(place_of, rows))


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
    """Return those of ``digests`` that the bucket ever held, damaged ones last."""
    rows = await conn.fetch(
        """
        SELECT blob.*
        FROM blob
        JOIN bucket_blob USING (blob_id)
        WHERE sha256 = ANY ($2::bytea[])
            AND bucket_id = $1
        ORDER BY quarantined_at IS NOT NULL
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
