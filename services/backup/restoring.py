"""Files of a snapshot back into a bucket.

By pointing at bytes that the platform still has, or else by an upload from the target.
"""

from collections.abc import AsyncIterator, Sequence, Set

from libs.blobs import BlobNotFound, BlobTruncated, BodySizeMismatch
from libs.blobs.depot import Depot, Plan
from libs.chassis.bus import Bus
from libs.contracts.storage import (
    AbortUpload,
    ApplyChanges,
    BeginUpload,
    BlobPlace,
    BucketInfo,
    CommitUpload,
    FindBlobs,
    ReportDamage,
)
from libs.contracts.values import Actor, FilePath, Sha256
from services.backup.concurrency import for_each
from services.backup.digests import BytesDamaged
from services.backup.domain.damage import DamageKind
from services.backup.domain.manifest import ManifestFile
from services.backup.domain.restoring import RestoreState, changes, first_of_each
from services.backup.vault import Vault
from services.backup.watch import Watch

APPLY_TIMEOUT_S = 30.0


class _TargetBroken(Exception):
    """The target does not have all of the bytes."""

    def __init__(self, damage: DamageKind) -> None:
        super().__init__(damage)
        self.damage: DamageKind = damage


class Restorer:
    """Restores batch by batch, and counts in ``state`` what really changed."""

    def __init__(
        self,
        bus: Bus,
        depot: Depot,
        vault: Vault,
        watch: Watch,
        state: RestoreState,
        *,
        into: BucketInfo,
        actor: Actor,
        message: str,
        at_once: int,
    ) -> None:
        self._bus = bus
        self._depot = depot
        self._vault = vault
        self._watch = watch
        self._state = state
        self._into = into
        self._actor = actor
        self._message = message
        self._at_once = at_once
        self._broken: dict[Sha256, DamageKind] = {}
        self._uploaded: set[FilePath] = set()

    async def restore(self, files: Sequence[ManifestFile]) -> None:
        """Bring ``files`` back; what is damaged in the target is counted and left out."""
        self._broken, self._uploaded = {}, set()
        missing = await self._missing({file.sha256 for file in files})
        await for_each(first_of_each(files, missing), self._upload, at_once=self._at_once)
        # Storage keeps the same bytes once: an upload may have met a blob that is lost elsewhere.
        missing = await self._missing(missing - self._broken.keys())
        await for_each(first_of_each(files, missing), self._upload, at_once=self._at_once)
        pointed = await self._apply(files)
        self._state.count(files, pointed | self._uploaded, self._broken)
        self._watch.reach(self._state.seen_bytes)

    async def _missing(self, digests: Set[Sha256]) -> set[Sha256]:
        """Return those of ``digests`` that the bucket cannot point at: unknown, lost or damaged."""
        if not digests:
            return set()
        found = await self._bus.ask(FindBlobs(bucket=self._into.name, digests=sorted(digests)))
        missing = set(digests) - {place.sha256 for place in found.items}

        async def look(place: BlobPlace) -> None:
            if not await self._is_whole(place):
                missing.add(place.sha256)

        await for_each(found.items, look, at_once=self._at_once)
        return missing

    async def _is_whole(self, place: BlobPlace) -> bool:
        """Tell whether the bytes lie where storage believes; report it when they do not.

        The same bytes, uploaded again, take the place of what was reported.
        """
        if place.quarantined:
            return False
        store = self._depot.backends.store(place.backend)
        try:
            if (await store.head(place.key)).size >= place.offset + place.stored_bytes:
                return True
        except BlobNotFound:
            pass
        await self._bus.ask(ReportDamage(blob=place, reason="the object is missing or too short"))
        return False

    async def _upload(self, file: ManifestFile) -> None:
        ticket = await self._bus.ask(
            BeginUpload(
                bucket=self._into.name,
                path=file.path,
                actor=self._actor,
                content_type=file.content_type,
                metadata=file.metadata,
                tags=file.tags,
                operation="restore",
                message=self._message,
            )
        )
        plan = Plan(
            compression=self._into.compression,
            encryption=self._into.encryption,
            content_type=file.content_type,
        )
        try:
            written = await self._depot.write(
                ticket.key,
                self._read(file.sha256),
                blob_id=ticket.upload_id,
                size=file.size,
                plan=plan,
            )
        except Exception as error:
            await self._bus.ask(AbortUpload(upload_id=ticket.upload_id))
            if not isinstance(error, _TargetBroken | BodySizeMismatch):
                raise
            self._broken[file.sha256] = _damage(error)
        else:
            await self._bus.ask(
                CommitUpload(
                    upload_id=ticket.upload_id,
                    sha256=file.sha256,
                    size=file.size,
                    stored_size=written.stored_size,
                    codec=written.codec,
                    sealed=written.sealed,
                    backend=written.backend,
                )
            )
            self._uploaded.add(file.path)

    async def _read(self, sha256: Sha256) -> AsyncIterator[bytes]:
        try:
            async for piece in self._vault.read_blob(sha256):
                self._watch.saw(len(piece))
                yield piece
        except BlobNotFound as error:
            raise _TargetBroken("missing") from error
        except (BytesDamaged, BlobTruncated) as error:
            raise _TargetBroken("damaged") from error

    async def _apply(self, files: Sequence[ManifestFile]) -> set[FilePath]:
        """Point all whole files at their bytes at once; return the paths that this changed."""
        wanted = changes(files, self._broken.keys())
        if not wanted:
            return set()
        applied = await self._bus.ask(
            ApplyChanges(
                bucket=self._into.name,
                actor=self._actor,
                changes=list(wanted),
                message=self._message,
                operation="restore",
                lenient=True,
            ),
            timeout_s=APPLY_TIMEOUT_S,
        )
        return {change.path for change in applied.changed}


def _damage(error: Exception) -> DamageKind:
    return error.damage if isinstance(error, _TargetBroken) else "damaged"
