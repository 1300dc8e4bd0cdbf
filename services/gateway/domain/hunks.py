"""A text diff as people and programs read it: hunks with changed characters, and unified text."""

import re
from collections.abc import Iterator, Sequence
from typing import Literal

from msgspec import Struct

from services.gateway.domain.text_diff import Block, Work, compare, lines_of

LONGEST_LINE = 2_000
"""Of longer lines it is not looked for what changed inside."""

LEAST_ALIKE = 0.3
"""The part of a line's characters that has to be the same for the rest to be worth a mark."""

NO_LINE_FEED = "\\ No newline at end of file\n"

_WORDS = re.compile(r"\w+|\s+|[^\w\s]")
_ODD = re.compile(r'[\x00-\x1f"\\\x7f]')
_ESCAPES = {"\t": "\\t", "\n": "\\n", "\r": "\\r", '"': '\\"', "\\": "\\\\"}

Spans = list[tuple[int, int]]
"""Where characters changed: from, up to but without; counted in code points."""


class DiffLine(Struct, frozen=True, kw_only=True, omit_defaults=True):
    kind: Literal["context", "removed", "added"]
    text: str
    """Without its line feed; a carriage return before that stays."""
    old: int | None = None
    """Its number before, from 1."""
    new: int | None = None
    spans: Spans = []
    """What changed in it, where another line stands for it on the other side."""
    ends_file: bool = False
    """It has no line feed: the file ends with it."""


class Hunk(Struct, frozen=True):
    """Changed lines that are near each other, with some that stayed around them."""

    old_start: int
    old_count: int
    new_start: int
    new_count: int
    lines: list[DiffLine]


def hunks(old: str, new: str, *, context: int, work: Work) -> list[Hunk]:
    """Return what differs, with up to ``context`` equal lines before and behind."""
    before, after = lines_of(old), lines_of(new)
    groups = _near(compare(before, after, work), context)
    return [_hunk(before, after, group, context, work) for group in groups]


def unified(old_path: str | None, new_path: str | None, found: Sequence[Hunk]) -> str:
    """Return the text that ``patch`` and ``git apply`` read; nothing where nothing differs."""
    if not found:
        return ""
    text = [f"--- {_named('a/', old_path)}\n", f"+++ {_named('b/', new_path)}\n"]
    for hunk in found:
        text.append(
            f"@@ -{_range(hunk.old_start, hunk.old_count)}"
            f" +{_range(hunk.new_start, hunk.new_count)} @@\n"
        )
        for line in hunk.lines:
            text.append(f"{_SIGNS[line.kind]}{line.text}\n")
            if line.ends_file:
                text.append(NO_LINE_FEED)
    return "".join(text)


_SIGNS = {"context": " ", "removed": "-", "added": "+"}


def _near(blocks: Sequence[Block], context: int) -> Iterator[list[Block]]:
    """Yield blocks together whose context would meet."""
    group: list[Block] = []
    for block in blocks:
        if group and block.old_start - group[-1].old_end > 2 * context:
            yield group
            group = []
        group.append(block)
    if group:
        yield group


def _hunk(
    before: Sequence[str], after: Sequence[str], group: Sequence[Block], context: int, work: Work
) -> Hunk:
    lead = min(context, group[0].old_start)
    tail = min(context, len(before) - group[-1].old_end)
    old_at, new_at = group[0].old_start - lead, group[0].new_start - lead
    old_start, new_start = old_at, new_at
    lines: list[DiffLine] = []
    for block in group:
        lines += _context(before, old_at, new_at, block.old_start - old_at)
        lines += _changed(before, after, block, work)
        old_at, new_at = block.old_end, block.new_end
    lines += _context(before, old_at, new_at, tail)
    old_count, new_count = old_at + tail - old_start, new_at + tail - new_start
    return Hunk(
        # An empty side is named by the line before it, as everywhere.
        old_start + 1 if old_count else old_start,
        old_count,
        new_start + 1 if new_count else new_start,
        new_count,
        lines,
    )


def _context(before: Sequence[str], old_at: int, new_at: int, count: int) -> Iterator[DiffLine]:
    for step in range(count):
        text, ends_file = _bare(before[old_at + step])
        yield DiffLine(
            kind="context",
            text=text,
            old=old_at + step + 1,
            new=new_at + step + 1,
            ends_file=ends_file,
        )


def _changed(
    before: Sequence[str], after: Sequence[str], block: Block, work: Work
) -> Iterator[DiffLine]:
    """Yield the removed lines, then the added ones; the n-th of both stand for each other."""
    removed = [_bare(line) for line in before[block.old_start : block.old_end]]
    added = [_bare(line) for line in after[block.new_start : block.new_end]]
    pairs = [_spans(old, new, work) for (old, _), (new, _) in zip(removed, added, strict=False)]
    for at, (text, ends_file) in enumerate(removed):
        spans = pairs[at][0] if at < len(pairs) else []
        number = block.old_start + at + 1
        yield DiffLine(kind="removed", text=text, old=number, spans=spans, ends_file=ends_file)
    for at, (text, ends_file) in enumerate(added):
        spans = pairs[at][1] if at < len(pairs) else []
        number = block.new_start + at + 1
        yield DiffLine(kind="added", text=text, new=number, spans=spans, ends_file=ends_file)


def _bare(line: str) -> tuple[str, bool]:
    """Return a line without its line feed, and whether it has none."""
    return (line[:-1], False) if line.endswith("\n") else (line, True)


def _spans(old: str, new: str, work: Work) -> tuple[Spans, Spans]:
    """Return which characters of both lines changed, word by word; none where hardly any stayed."""
    if max(len(old), len(new)) > LONGEST_LINE or work.left <= 0:
        return [], []
    words, others = _WORDS.findall(old), _WORDS.findall(new)
    blocks = compare(words, others, work)
    left = _places(words, [(block.old_start, block.old_end) for block in blocks])
    right = _places(others, [(block.new_start, block.new_end) for block in blocks])
    stayed = len(old) - sum(end - start for start, end in left)
    if stayed < LEAST_ALIKE * max(len(old), len(new)):
        return [], []
    return left, right


def _places(words: Sequence[str], ranges: Sequence[tuple[int, int]]) -> Spans:
    starts = [0]
    for word in words:
        starts.append(starts[-1] + len(word))
    return [(starts[first], starts[last]) for first, last in ranges if first < last]


def _range(start: int, count: int) -> str:
    return str(start) if count == 1 else f"{start},{count}"


def _named(side: str, path: str | None) -> str:
    """Return a path as a header names it: quoted as git does where it could be misread."""
    if path is None:
        return "/dev/null"
    if not _ODD.search(path):
        return f"{side}{path}"
    return '"' + side + _ODD.sub(_escaped, path) + '"'


def _escaped(odd: re.Match[str]) -> str:
    return _ESCAPES.get(odd[0]) or f"\\{ord(odd[0]):03o}"
