"""What a verification or a restore found not to be whole."""

from typing import Any, Literal

from msgspec import Struct, field, to_builtins

from libs.contracts.values import FilePath, Sha256

MAX_LISTED = 100
"""How many damaged files a task's result names; all of them are counted."""

DamageKind = Literal["missing", "damaged"]
"""The bytes are not in the target, or are there and are others."""


class DamagedFile(Struct, frozen=True, kw_only=True):
    path: FilePath
    sha256: Sha256
    damage: DamageKind


class DamageReport(Struct, kw_only=True):
    """Counts damaged files and keeps the first of them."""

    files: int = 0
    listed: list[DamagedFile] = field(default_factory=list)

    def add(self, damaged: DamagedFile) -> None:
        self.files += 1
        if len(self.listed) < MAX_LISTED:
            self.listed.append(damaged)

    def names(self) -> list[dict[str, Any]]:
        """Return the listed files as JSON-like values."""
        values: list[dict[str, Any]] = to_builtins(self.listed)
        return values
