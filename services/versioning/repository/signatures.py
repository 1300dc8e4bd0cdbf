"""Keys that are or were trusted to sign, and what they signed."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from libs.chassis.database import Connection
from services.versioning.domain.errors import KeyNotFound
from services.versioning.domain.signatures import Kind, key_id_of


class TrustedKey(Struct, frozen=True, kw_only=True):
    """A public key."""

    key_id: bytes
    name: str
    public_key: bytes
    owner: str
    added_at: datetime
    removed_at: datetime | None


class Signature(Struct, frozen=True, kw_only=True):
    """A signature and its key."""

    target: bytes
    kind: Kind
    signature: bytes
    signed_at: datetime
    key: TrustedKey


async def upsert_key(
    tx: Connection, bucket_id: UUID, public_key: bytes, *, name: str, owner: str
) -> TrustedKey:
    """Trust a key from now on, also one that was removed."""
    row = await tx.fetchrow(
        """
        INSERT INTO signing_key (bucket_id, key_id, name, public_key, owner)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (bucket_id, key_id) DO UPDATE
        SET name = excluded.name,
            owner = excluded.owner,
            removed_at = NULL
        RETURNING *
        """,
        bucket_id,
        key_id_of(public_key),
        name,
        public_key,
        owner,
    )
    return _key(row)


async def insert_key(
    tx: Connection, bucket_id: UUID, public_key: bytes, *, name: str, owner: str
) -> None:
    """Trust a key, unless it is known: what was decided about it stays."""
    await tx.execute(
        """
        INSERT INTO signing_key (bucket_id, key_id, name, public_key, owner)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT DO NOTHING
        """,
        bucket_id,
        key_id_of(public_key),
        name,
        public_key,
        owner,
    )


async def list_keys(conn: Connection, bucket_id: UUID) -> list[TrustedKey]:
    """Return the keys that are or were trusted, in the order in which they came."""
    rows = await conn.fetch(
        "SELECT * FROM signing_key WHERE bucket_id = $1 ORDER BY added_at, key_id", bucket_id
    )
    return [_key(row) for row in rows]


async def find_key_for_share(tx: Connection, bucket_id: UUID, key_id: bytes) -> TrustedKey | None:
    """Return a key that nobody can remove before this transaction ends."""
    row = await tx.fetchrow(
        "SELECT * FROM signing_key WHERE bucket_id = $1 AND key_id = $2 FOR SHARE",
        bucket_id,
        key_id,
    )
    return None if row is None else _key(row)


async def remove_key(tx: Connection, bucket_id: UUID, key_id: bytes) -> None:
    """Trust a key no more; raises ``KeyNotFound``. What it signed stays."""
    found = await tx.fetchval(
        """
        UPDATE signing_key
        SET removed_at = coalesce(removed_at, now())
        WHERE bucket_id = $1
            AND key_id = $2
        RETURNING true
        """,
        bucket_id,
        key_id,
    )
    if found is None:
        raise KeyNotFound(key_id.hex(), key_id=key_id.hex())


async def upsert_signature(
    tx: Connection,
    bucket_id: UUID,
    key_id: bytes,
    kind: Kind,
    target: bytes,
    signature: bytes,
    *,
    signed_by: str,
) -> datetime:
    """Keep a signature, one for each key; return since when it is kept."""
    signed_at: datetime = await tx.fetchval(
        """
        INSERT INTO signature (bucket_id, target, key_id, kind, signature, signed_by)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (bucket_id, target, key_id) DO UPDATE
        SET signature = excluded.signature
        RETURNING signed_at
        """,
        bucket_id,
        target,
        key_id,
        kind,
        signature,
        signed_by,
    )
    return signed_at


async def list_signatures(
    conn: Connection, bucket_id: UUID, targets: Collection[bytes]
) -> list[Signature]:
    """Return the signatures of commits and tags, by when they came."""
    rows = await conn.fetch(
        """
        SELECT signature.target, signature.kind, signature.signature, signature.signed_at,
            signing_key.*
        FROM signature
        JOIN signing_key USING (bucket_id, key_id)
        WHERE bucket_id = $1
            AND target = ANY ($2::bytea[])
        ORDER BY signed_at, target, key_id
        """,
        bucket_id,
        list(targets),
    )
    return [
        Signature(
            target=row["target"],
            kind=row["kind"],
            signature=row["signature"],
            signed_at=row["signed_at"],
            key=_key(row),
        )
        for row in rows
    ]


def _key(row: Any) -> TrustedKey:
    return TrustedKey(**{name: row[name] for name in TrustedKey.__struct_fields__})
