"""What differs between two states of one file, as far as it can be told as text."""

from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from libs.contracts.values import ByteCount, ContentType, FilePath, Sha256
from services.gateway.domain import text_diff
from services.gateway.domain.hunks import Hunk, hunks, unified
from services.gateway.domain.text_diff import BOM, Work

MOST_LINES = 20_000
"""Of either side."""

Form = Literal["equal", "text", "binary", "large"]


class ContentSide(Struct, frozen=True, kw_only=True):
    """A state of the file."""

    path: FilePath
    sha256: Sha256
    size: ByteCount
    content_type: ContentType
    has_byte_order_mark: bool = False
    """It is UTF-8 that begins with one; the mark is the first character of its first line."""


class ContentDiff(Struct, frozen=True, kw_only=True):
    """Two states of a file; ``before`` is absent where it was added, ``after`` where removed."""

    form: Form
    """``text`` is told by line. Of ``equal`` bytes, ``binary`` ones and such as are too ``large``
    only the two sides are told."""
    before: ContentSide | None
    after: ContentSide | None
    added: int = 0
    """Lines."""
    removed: int = 0
    hunks: list[Hunk] = []
    unified: str = ""
    """The same as text, as ``patch`` and ``git apply`` take it."""


def compare(
    before: ContentSide | None,
    after: ContentSide | None,
    old: bytes,
    new: bytes,
    *,
    context: int,
) -> ContentDiff:
    """Return what differs between ``old`` and ``new``, the bytes of the sides; none: no bytes."""
    was, now = text_diff.decode(old), text_diff.decode(new)
    if was is None or now is None:
        return ContentDiff(form="binary", before=before, after=after)
    before, after = _looked_at(before, was), _looked_at(after, now)
    if max(was.count("\n"), now.count("\n")) > MOST_LINES:
        return ContentDiff(form="large", before=before, after=after)
    found = hunks(was, now, context=context, work=Work())
    return ContentDiff(
        form="text",
        before=before,
        after=after,
        added=_count(found, "added"),
        removed=_count(found, "removed"),
        hunks=found,
        unified=unified(_path(before), _path(after), found),
    )


def as_text(diff: ContentDiff) -> str:
    """Return the unified text, or a line that says why there is none."""
    if diff.form in ("text", "equal"):
        return diff.unified
    names = [_path(side) or "/dev/null" for side in (diff.before, diff.after)]
    if diff.form == "binary":
        return f"Binary files {names[0]!r} and {names[1]!r} differ\n"
    return f"Files {names[0]!r} and {names[1]!r} are too large to be compared by line\n"


def _looked_at(side: ContentSide | None, text: str) -> ContentSide | None:
    if side is None or not text.startswith(BOM):
        return side
    return replace(side, has_byte_order_mark=True)


def _path(side: ContentSide | None) -> str | None:
    return None if side is None else side.path


def _count(found: list[Hunk], kind: str) -> int:
    return sum(line.kind == kind for hunk in found for line in hunk.lines)
