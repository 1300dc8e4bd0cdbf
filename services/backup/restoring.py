"""Files of a snapshot back into a bucket.

By pointing at bytes that the platform still has, or else by an upload from the target.
"""

from collections.abc import AsyncIterator, Iterable, Sequence

from libs.blobs import BlobNotFound, BlobStore, BlobTruncated, BodySizeMismatch
from libs.chassis.bus import Bus
from libs.contracts.storage import (
    AbortUpload,
    ApplyChanges,
    BeginUpload,
    BlobPlace,
    CommitUpload,
    FindBlobs,
)
from libs.contracts.values import Actor, BucketName, FilePath, Sha256
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
        store: BlobStore,
        vault: Vault,
        watch: Watch,
        state: RestoreState,
        *,
        into: BucketName,
        actor: Actor,
        message: str,
        at_once: int,
    ) -> None:
        self._bus = bus
        self._store = store
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
        wanted = {file.sha256 for file in files}
        places = await self._find(wanted)
        missing = wanted - {place.sha256 for place in places}
        await for_each(first_of_each(files, missing), self._upload, at_once=self._at_once)
        if missing:
            # Storage keeps the same bytes once: an upload may have met a blob whose object is lost.
            places += await self._find(missing)
        await for_each(places, self._heal, at_once=self._at_once)
        pointed = await self._apply(files)
        self._state.count(files, pointed | self._uploaded, self._broken)
        self._watch.reach(self._state.seen_bytes)

    async def _find(self, digests: Iterable[Sha256]) -> list[BlobPlace]:
        found = await self._bus.ask(FindBlobs(bucket=self._into, digests=sorted(digests)))
        return found.items

    async def _heal(self, place: BlobPlace) -> None:
        """Put bytes that storage knows, but the object store has lost, back to their own key."""
        try:
            if (await self._store.head(place.key)).size >= place.offset + place.stored_bytes:
                return
        except BlobNotFound:
            pass
        try:
            await self._store.put(place.key, self._read(place.sha256), size=place.size)
        except (_TargetBroken, BodySizeMismatch) as error:
            self._broken[place.sha256] = _damage(error)

    async def _upload(self, file: ManifestFile) -> None:
        ticket = await self._bus.ask(
            BeginUpload(
                bucket=self._into,
                path=file.path,
                actor=self._actor,
                content_type=file.content_type,
                metadata=file.metadata,
                tags=file.tags,
                operation="restore",
                message=self._message,
            )
        )
        try:
            await self._store.put(ticket.key, self._read(file.sha256), size=file.size)
        except Exception as error:
            await self._bus.ask(AbortUpload(upload_id=ticket.upload_id))
            if not isinstance(error, _TargetBroken | BodySizeMismatch):
                raise
            self._broken[file.sha256] = _damage(error)
        else:
            await self._bus.ask(
                CommitUpload(upload_id=ticket.upload_id, sha256=file.sha256, size=file.size)
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
                bucket=self._into,
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
