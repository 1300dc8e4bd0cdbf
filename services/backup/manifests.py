"""Manifests as streams of files."""

from collections.abc import AsyncIterator

from libs.contracts.values import Sha256
from services.backup.domain import manifest
from services.backup.domain.errors import SnapshotDamaged
from services.backup.domain.lines import LineTooLong
from services.backup.domain.manifest import ManifestFile
from services.backup.streams import LineUnfinished, lines_of
from services.backup.vault import Vault


async def check_manifest(vault: Vault, sha256: Sha256) -> None:
    """Read a manifest to its end; raises ``SnapshotDamaged`` unless it is what it was.

    A stream tells only at its end that it was wrong: who acts on lines reads twice.
    """
    async for _ in vault.read_manifest(sha256):
        pass


async def read_files(vault: Vault, sha256: Sha256) -> AsyncIterator[ManifestFile]:
    """Yield the files of a manifest, in the order of paths."""
    async for line in read_lines(vault, sha256):
        yield manifest.decode_file(line)


async def read_lines(vault: Vault, sha256: Sha256) -> AsyncIterator[bytes]:
    """Yield the lines of a manifest's files, behind a header that was understood."""
    lines = lines_of(vault.read_manifest(sha256))
    try:
        async for header in lines:
            manifest.decode_header(header)
            break
        async for line in lines:
            yield line
    except (LineUnfinished, LineTooLong) as error:
        raise SnapshotDamaged(f"the manifest cannot be read: {error}") from error
