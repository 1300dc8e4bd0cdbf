"""A target, opened: its layout on a blob store.

Nothing here is ever replaced by anything else. A blob may be written twice, but only with the bytes
that its name promises: after a crash, by two snapshots at once, or to heal one that was damaged.
"""

from collections.abc import AsyncIterable, AsyncIterator, Callable
from contextlib import asynccontextmanager

from libs.blobs import BlobNotFound, BlobStat, BlobStore, BlobTruncated
from libs.contracts.values import ByteCount, Sha256
from services.backup.digests import BytesDamaged, promised
from services.backup.domain import record, target_config
from services.backup.domain.damage import DamageKind
from services.backup.domain.errors import SnapshotDamaged, TargetReplaced
from services.backup.domain.layout import (
    CONFIG_KEY,
    DATA_FOLDER,
    SNAPSHOT_FOLDER,
    data_key,
    is_snapshot_key,
    manifest_key,
)
from services.backup.domain.record import Link, StoredRecord
from services.backup.domain.target_config import TargetConfig
from services.backup.domain.targets import Target
from services.backup.target_stores import TargetStores

SMALL_BYTES = 1024 * 1024


class Vault:
    """What a repository of format ``plain-v0`` can do."""

    def __init__(self, store: BlobStore) -> None:
        self._store = store

    # --- config ------------------------------------------------------------------------------

    async def find_config(self) -> TargetConfig | None:
        """Return the config, or None where no repository was begun yet."""
        try:
            data = await self._read_small(CONFIG_KEY)
        except BlobNotFound:
            return None
        return target_config.decode(data)

    async def write_config(self, config: TargetConfig) -> None:
        await self._store.put(CONFIG_KEY, target_config.encode(config))

    # --- blobs -------------------------------------------------------------------------------

    async def put_blob(self, sha256: Sha256, size: ByteCount, pieces: AsyncIterable[bytes]) -> None:
        """Store the bytes with this digest; of others nothing, and ``BytesDamaged`` is raised."""
        await self._store.put(data_key(sha256), promised(pieces, sha256), size=size)

    async def read_blob(self, sha256: Sha256) -> AsyncIterator[bytes]:
        """Yield the bytes with this digest, and raise in place of the end when they are others."""
        body = await self._store.get(data_key(sha256))
        async with body:
            async for piece in promised(body, sha256):
                yield piece

    async def damage_of(self, sha256: Sha256, on_bytes: Callable[[int], None]) -> DamageKind | None:
        """Read and hash a blob, telling how many bytes came; return what is wrong with it."""
        try:
            async for piece in self.read_blob(sha256):
                on_bytes(len(piece))
        except BlobNotFound:
            return "missing"
        except (BytesDamaged, BlobTruncated):
            return "damaged"
        return None

    def list_blobs(self) -> AsyncIterator[BlobStat]:
        """Yield what lies in the folder of blobs."""
        return self._store.list(DATA_FOLDER)

    # --- manifests ---------------------------------------------------------------------------

    async def put_manifest(self, sha256: Sha256, lines: AsyncIterable[bytes]) -> None:
        await self._store.put(manifest_key(sha256), promised(lines, sha256))

    async def read_manifest(self, sha256: Sha256) -> AsyncIterator[bytes]:
        """Yield the manifest's bytes; raises ``SnapshotDamaged`` where it is not what it was."""
        try:
            body = await self._store.get(manifest_key(sha256))
            async with body:
                async for piece in promised(body, sha256):
                    yield piece
        except BlobNotFound as error:
            raise SnapshotDamaged("the manifest is missing", manifest=sha256) from error
        except (BytesDamaged, BlobTruncated) as error:
            raise SnapshotDamaged("the manifest is not what it was", manifest=sha256) from error

    # --- records -----------------------------------------------------------------------------

    async def record_keys(self) -> list[str]:
        """Return the names of all snapshots' records, in the order of sealing."""
        found = [stat.key async for stat in self._store.list(SNAPSHOT_FOLDER)]
        return sorted(filter(is_snapshot_key, found))

    async def read_record(self, key: str) -> StoredRecord:
        """Raises ``SnapshotDamaged`` where it is missing or cannot be read."""
        try:
            return record.decode(key, await self._read_small(key))
        except BlobNotFound as error:
            raise SnapshotDamaged(f"{key} is missing", key=key) from error

    async def read_linked(self, link: Link) -> StoredRecord:
        """Return the record, to the bit the one that was linked, or raise ``SnapshotDamaged``."""
        stored = await self.read_record(link.key)
        if stored.link != link:
            raise SnapshotDamaged(f"{link.key} is not what it was", key=link.key)
        return stored

    async def link_to(self, key: str) -> Link:
        """Return the link to a record, readable or not."""
        return record.link_to(key, await self._read_small(key))

    async def write_record(self, stored: StoredRecord) -> None:
        await self._store.put(stored.record.key, stored.data)

    async def _read_small(self, key: str) -> bytes:
        body = await self._store.get(key, end=SMALL_BYTES)
        return await body.read()


class Vaults:
    """Opens targets, and notices when another repository lies at their address."""

    def __init__(self, stores: TargetStores) -> None:
        self._stores = stores

    @asynccontextmanager
    async def open(self, target: Target) -> AsyncIterator[Vault]:
        """Lend the target's vault; raises ``TargetReplaced`` when it is not the one registered."""
        async with self._stores.open(target.url) as store:
            vault = Vault(store)
            config = await vault.find_config()
            if config is None:
                raise TargetReplaced(f"there is no repository at {store.label}")
            if config.repository_id != target.repository_id:
                raise TargetReplaced(f"another repository lies at {store.label}")
            yield vault
