"""Which files a restore brings back, and how each of them gets its bytes."""

from collections.abc import Iterable, Mapping, Sequence, Set

from msgspec import Struct, field

from libs.contracts.storage import PutContent
from libs.contracts.values import BucketName, ByteCount, FilePath, Sha256
from services.backup.domain.damage import DamagedFile, DamageKind, DamageReport
from services.backup.domain.manifest import ManifestFile


class Selection(Struct, frozen=True, kw_only=True):
    """Those files of a snapshot that were asked for."""

    prefix: str = ""
    paths: frozenset[FilePath] | None = None
    """None: all."""

    def wants(self, path: FilePath) -> bool:
        """Tell whether ``path`` was asked for."""
        return path.startswith(self.prefix) and (self.paths is None or path in self.paths)


class Restore(Struct, frozen=True, kw_only=True):
    """What somebody wants back, and where."""

    into: BucketName
    prefix: str = ""
    paths: list[FilePath] | None = None

    @property
    def selection(self) -> Selection:
        """Return which files are meant."""
        paths = None if self.paths is None else frozenset(self.paths)
        return Selection(prefix=self.prefix, paths=paths)


class RestoreState(Struct, kw_only=True):
    """How far a restore came and what it found until then: its checkpoint."""

    after: FilePath = ""
    """The last path of the last batch that is done."""
    seen_bytes: ByteCount = 0
    """Of all files gone through, changed or not."""
    restored: int = 0
    restored_bytes: ByteCount = 0
    damage: DamageReport = field(default_factory=DamageReport)

    def count(
        self,
        files: Sequence[ManifestFile],
        changed: Set[FilePath],
        damaged: Mapping[Sha256, DamageKind],
    ) -> None:
        """Add a batch of which ``changed`` were brought back and ``damaged`` could not be."""
        for file in files:
            self.seen_bytes += file.size
            if file.path in changed:
                self.restored += 1
                self.restored_bytes += file.size
            if file.sha256 in damaged:
                kind = damaged[file.sha256]
                self.damage.add(DamagedFile(path=file.path, sha256=file.sha256, damage=kind))
        self.after = files[-1].path


def first_of_each(files: Iterable[ManifestFile], digests: Set[Sha256]) -> list[ManifestFile]:
    """Return one file for each of ``digests``: it brings the bytes, the others point at them."""
    firsts: dict[Sha256, ManifestFile] = {}
    for file in files:
        if file.sha256 in digests:
            firsts.setdefault(file.sha256, file)
    return list(firsts.values())


def changes(files: Sequence[ManifestFile], damaged: Set[Sha256]) -> list[PutContent]:
    """Return the changes that bring ``files`` back, but for those whose bytes are damaged."""
    return [file.put() for file in files if file.sha256 not in damaged]
