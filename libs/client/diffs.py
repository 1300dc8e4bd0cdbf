"""What differs between two states of a bucket, and which commit touched what last."""

from collections.abc import AsyncIterator
from typing import Literal

from msgspec import Struct, field

from libs.client.paging import Page, items
from libs.client.transport import Params, Transport, segment
from libs.contracts.versioning import PathDifference, Touch


class DiffLine(Struct, frozen=True, kw_only=True):
    """A line of either side, without its line feed."""

    kind: Literal["context", "removed", "added"]
    text: str
    old: int | None = None
    """Its number before, from 1."""
    new: int | None = None
    spans: list[tuple[int, int]] = field(default_factory=list)
    """Where characters of it changed: from, up to but without."""
    ends_file: bool = False
    """It has no line feed: the file ends with it."""


class Hunk(Struct, frozen=True, kw_only=True):
    """Changed lines that are near each other, with some that stayed around them."""

    old_start: int
    old_count: int
    new_start: int
    new_count: int
    lines: list[DiffLine]


class ContentDiff(Struct, frozen=True, kw_only=True):
    """What differs between two states of one file; lines only where it is ``text``."""

    form: Literal["equal", "text", "binary", "large"]
    added: int = 0
    removed: int = 0
    hunks: list[Hunk] = field(default_factory=list)
    unified: str = ""
    """The same as ``patch`` and ``git apply`` take it."""


class Diffs:
    """Comparing refs; ``now`` is what is there at this moment."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def between(
        self,
        bucket: str,
        source: str,
        target: str = "now",
        *,
        prefix: str = "",
        staged: bool = False,
        limit: int | None = None,
    ) -> AsyncIterator[PathDifference]:
        """Yield what is different at ``target``, by path.

        ``staged``: where ``target`` is a branch, with what is staged on it.
        """
        params: Params = {
            "from": source,
            "to": target,
            "prefix": prefix or None,
            "staged": True if staged else None,
        }
        return items(
            self._transport, _url(bucket, "diff"), Page[PathDifference], params, limit=limit
        )

    async def content(
        self,
        bucket: str,
        path: str,
        source: str,
        target: str = "now",
        *,
        old_path: str | None = None,
        staged: bool = False,
        context: int = 3,
    ) -> ContentDiff:
        """Return the changed lines of a file, with ``context`` equal ones around them."""
        params: Params = {
            "path": path,
            "from": source,
            "to": target,
            "old_path": old_path,
            "staged": True if staged else None,
            "context": context,
        }
        return await self._transport.get(_url(bucket, "diff/content"), ContentDiff, params)

    def blame(
        self, bucket: str, ref: str = "main", *, prefix: str = "", limit: int | None = None
    ) -> AsyncIterator[Touch]:
        """Yield every file of a ref with the commit that changed it last."""
        params: Params = {"ref": ref, "prefix": prefix or None}
        return items(self._transport, _url(bucket, "blame"), Page[Touch], params, limit=limit)


def _url(bucket: str, what: str) -> str:
    return f"/buckets/{segment(bucket)}/{what}"
