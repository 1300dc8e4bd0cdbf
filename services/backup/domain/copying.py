"""What a snapshot has to copy: each digest once, and only what the target does not have."""

from collections.abc import Iterable, Set

from msgspec import Struct

from libs.contracts.storage import BlobPlace, ExportedFile
from libs.contracts.values import ByteCount, FilePath, Sha256


class BlobToCopy(Struct, frozen=True, kw_only=True):
    """Bytes in the platform's store that the target has not."""

    sha256: Sha256
    size: ByteCount
    source: BlobPlace
    path: FilePath
    """A file that has these bytes, to name in a failure."""


def blobs_to_copy(files: Iterable[ExportedFile], present: Set[Sha256]) -> list[BlobToCopy]:
    """Return what is to be copied for ``files`` when the target has ``present`` already."""
    plan: dict[Sha256, BlobToCopy] = {}
    for file in files:
        if file.sha256 not in present and file.sha256 not in plan:
            plan[file.sha256] = BlobToCopy(
                sha256=file.sha256, size=file.size, source=file.place, path=file.path
            )
    return list(plan.values())
