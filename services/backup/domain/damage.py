"""What a verification or a restore found not to be whole."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from msgspec import Struct, field, to_builtins

from libs.contracts.values import FilePath, Sha256

MAX_LISTED = 100
"""How many files a task's result, problem or checkpoint names; all of them are counted."""
MAX_LISTED_BYTES = 16 * 1024
"""How long their names may be together: the ledger takes 64 KiB of JSON."""

DamageKind = Literal["missing", "damaged"]
"""The bytes are not in the target, or are there and are others."""


class DamagedFile(Struct, frozen=True, kw_only=True):
    path: FilePath
    sha256: Sha256
    damage: DamageKind


def has_room(listed: Sequence[FilePath], path: FilePath) -> bool:
    """Tell whether ``path`` can be named besides those that are ``listed``."""
    bytes_ = sum(len(named.encode()) for named in (*listed, path))
    return len(listed) < MAX_LISTED and bytes_ <= MAX_LISTED_BYTES


def first_of(paths: Iterable[FilePath]) -> list[FilePath]:
    """Return the first of ``paths``, sorted, as many as can be named."""
    listed: list[FilePath] = []
    for path in sorted(paths):
        if not has_room(listed, path):
            break
        listed.append(path)
    return listed


class DamageReport(Struct, kw_only=True):
    """Counts damaged files and keeps the first of them."""

    files: int = 0
    listed: list[DamagedFile] = field(default_factory=list)

    def add(self, damaged: DamagedFile) -> None:
        self.files += 1
        if has_room([file.path for file in self.listed], damaged.path):
            self.listed.append(damaged)

    def names(self) -> list[dict[str, Any]]:
        """Return the listed files as JSON-like values."""
        values: list[dict[str, Any]] = to_builtins(self.listed)
        return values
