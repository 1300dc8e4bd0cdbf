"""Blobs of a target, read and hashed again, each once per verification."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from uuid import UUID

from prometheus_client import Counter

from libs.chassis.database import Database
from libs.contracts.values import Sha256
from services.backup.concurrency import for_each
from services.backup.domain.damage import DamagedFile, DamageKind
from services.backup.domain.manifest import ManifestFile
from services.backup.repository import blob_copies
from services.backup.vault import Vault
from services.backup.watch import Watch

DAMAGED = Counter("strongroom_backup_damaged_files_total", "Damaged files that were found.")

NOTE_AFTER_BYTES = 64 * 1024 * 1024


class Checker:
    """Checks files by their blobs, and notes each blob's state: a damaged one is copied again by
    the next snapshot, and one that was read since ``since`` is not read twice.
    """

    def __init__(
        self,
        db: Database,
        vault: Vault,
        target_id: UUID,
        since: datetime,
        watch: Watch,
        *,
        at_once: int,
    ) -> None:
        self._db = db
        self._vault = vault
        self._target_id = target_id
        self._since = since
        self._watch = watch
        self._at_once = at_once

    async def check(self, files: Sequence[ManifestFile]) -> list[DamagedFile]:
        """Return those of ``files`` whose bytes are damaged or missing."""
        end = self._watch.done + sum(file.size for file in files)
        async with self._db.connection() as conn:
            known = await blob_copies.find_checked(
                conn, self._target_id, (file.sha256 for file in files), self._since
            )
        sizes = {file.sha256: file.size for file in files if file.sha256 not in known}
        for group in _groups(sizes):
            known |= await self._read(group)
        self._watch.reach(end)
        return _damaged(files, known)

    async def _read(self, sizes: dict[Sha256, int]) -> dict[Sha256, DamageKind | None]:
        found: dict[Sha256, DamageKind | None] = {}

        async def read(sha256: Sha256) -> None:
            found[sha256] = await self._vault.damage_of(sha256, self._watch.saw)

        await for_each(sizes, read, at_once=self._at_once)
        async with self._db.transaction() as tx:
            await blob_copies.upsert_checks(
                tx,
                self._target_id,
                [(sha256, sizes[sha256], damage) for sha256, damage in found.items()],
                datetime.now(UTC),
            )
        return found


def _groups(sizes: dict[Sha256, int]) -> Iterator[dict[Sha256, int]]:
    """Yield parts of ``sizes`` whose results are noted together; a crash loses one of them."""
    group: dict[Sha256, int] = {}
    weight = 0
    for sha256, size in sizes.items():
        group[sha256] = size
        weight += size
        if weight >= NOTE_AFTER_BYTES:
            yield group
            group, weight = {}, 0
    if group:
        yield group


def _damaged(
    files: Sequence[ManifestFile], known: dict[Sha256, DamageKind | None]
) -> list[DamagedFile]:
    found = []
    for file in files:
        damage = known[file.sha256]
        if damage is not None:
            DAMAGED.inc()
            found.append(DamagedFile(path=file.path, sha256=file.sha256, damage=damage))
    return found
