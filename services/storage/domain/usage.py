"""How much may be stored: growth against quotas."""

from typing import Literal
from uuid import UUID

from msgspec import Struct

from services.storage.domain.errors import LargerThanQuota, QuotaExceeded


class Limit(Struct, kw_only=True):
    """A quota and what is used of it; ``whose`` it is: a bucket's name or a principal."""

    kind: Literal["bucket", "principal"]
    whose: str
    quota_bytes: int
    used_bytes: int
    held_bytes: int = 0
    """How many different bytes a bucket holds: those that only its branches name, too."""

    def check(self, growth: int, *, new_bytes: int = 0) -> None:
        """Raise ``QuotaExceeded`` when ``growth`` more bytes are more than the quota allows.

        Neither may the ``new_bytes`` that the bucket does not hold yet, beside those it holds. What
        needs no more bytes is always allowed, also beyond a quota that was lowered.
        """
        self._check(self.used_bytes, growth)
        self._check(self.held_bytes, new_bytes)

    def charge(self, growth: int, *, new_bytes: int = 0) -> None:
        """Count what was checked as used."""
        self.used_bytes += growth
        self.held_bytes += new_bytes

    def _check(self, used_bytes: int, growth: int) -> None:
        if growth <= 0 or used_bytes + growth <= self.quota_bytes:
            return
        failure = LargerThanQuota if growth > self.quota_bytes else QuotaExceeded
        raise failure(
            f"{self.kind} {self.whose} uses {used_bytes} of {self.quota_bytes} bytes",
            of=self.kind,
            quota_bytes=self.quota_bytes,
            used_bytes=used_bytes,
            needed_bytes=growth,
        )

    def check_outcome(self, used_after: int) -> None:
        """Raise ``QuotaExceeded`` when what came to ``used_after`` was not allowed to."""
        self.check(used_after - self.used_bytes)


class Present(Struct, frozen=True, kw_only=True):
    """What a path holds now, as far as quotas care."""

    blob_id: UUID
    size: int
    author: str


class Growth(Struct, frozen=True, kw_only=True):
    """How many more bytes a new state makes its bucket and its author use."""

    bucket: int
    author: int


def growth_of(
    present: Present | None, *, blob_id: UUID, size: int, author: str, versioned: bool
) -> Growth:
    """Return what new content costs; the state before stays as a version, or makes room."""
    if present is None or (versioned and present.blob_id != blob_id):
        return Growth(bucket=size, author=size)
    given_back = present.size if present.author == author else 0
    return Growth(bucket=size - present.size, author=size - given_back)
