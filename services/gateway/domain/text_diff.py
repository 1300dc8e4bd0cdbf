"""Line by line what differs between two texts, with as much work as was allowed and no more.

The whole is cut at lines that occur once on either side and in one order on both (patience diff, by
Bram Cohen); what is left between two such lines is compared by Myers' algorithm (*An O(ND)
Difference Algorithm*, 1986). A part that would take more steps than are left is told as removed and
added whole: the answer is always right, only not always the shortest.
"""

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from typing import NamedTuple, TypeVar

MOST_STEPS = 400_000
"""The most nasty texts take about half a second with so many."""

BOM = "\ufeff"

T = TypeVar("T", bound=Hashable)


class Block(NamedTuple):
    """Items ``old_start`` to ``old_end`` of one side became those of the other."""

    old_start: int
    old_end: int
    new_start: int
    new_end: int

    @property
    def size(self) -> int:
        """How many items both sides have."""
        return self.old_end - self.old_start + self.new_end - self.new_start

    @property
    def is_one_sided(self) -> bool:
        """Whether nothing is left to compare."""
        return self.old_start == self.old_end or self.new_start == self.new_end


class Work:
    """How many steps may still be taken."""

    def __init__(self, most: int = MOST_STEPS) -> None:
        self.left = most


def decode(data: bytes) -> str | None:
    """Return ``data`` as text, None when it is none: no UTF-8, or with a NUL in it.

    A byte order mark stays, as the first character.
    """
    if b"\0" in data:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def lines_of(text: str) -> list[str]:
    """Return the lines, each with its line feed but maybe the last; nothing else ends a line."""
    lines = [line + "\n" for line in text.split("\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines


def compare(old: Sequence[T], new: Sequence[T], work: Work) -> list[Block]:
    """Return what differs, in order; between two blocks both sides are equal."""
    blocks: list[Block] = []
    parts = [Block(0, len(old), 0, len(new))]
    while parts:
        part = _trimmed(old, new, parts.pop())
        if part.is_one_sided:
            blocks += [part] if part.size else []
        elif anchors := _anchors(old, new, part, work):
            parts += reversed(list(_between(part, anchors)))
        else:
            blocks += _shortest(old, new, part, work)
    return list(_joined(blocks))


def _trimmed(old: Sequence[T], new: Sequence[T], part: Block) -> Block:
    """Leave out what both begin and end with."""
    a, b, c, d = part
    while a < b and c < d and old[a] == new[c]:
        a, c = a + 1, c + 1
    while a < b and c < d and old[b - 1] == new[d - 1]:
        b, d = b - 1, d - 1
    return Block(a, b, c, d)


def _anchors(old: Sequence[T], new: Sequence[T], part: Block, work: Work) -> list[tuple[int, int]]:
    """Return the longest chain of items that occur once on either side, in one order on both."""
    work.left -= part.size
    if work.left < 0:
        return []
    there = _once(new, part.new_start, part.new_end)
    pairs = [
        (at, there[item])
        for item, at in _once(old, part.old_start, part.old_end).items()
        if item in there
    ]
    tails: list[int] = []  # of the shortest-tailed chain of each length, where it ends in ``new``
    ends: list[int] = []
    before: list[int | None] = []
    for number, (_, there_at) in enumerate(pairs):
        length = bisect_left(tails, there_at)
        before.append(ends[length - 1] if length else None)
        tails[length : length + 1] = [there_at]
        ends[length : length + 1] = [number]
    chain: list[tuple[int, int]] = []
    at: int | None = ends[-1] if ends else None
    while at is not None:
        chain.append(pairs[at])
        at = before[at]
    return chain[::-1]


def _once(items: Sequence[T], start: int, end: int) -> dict[T, int]:
    """Return where those items are that occur once between ``start`` and ``end``, in order."""
    counts = Counter(items[start:end])
    return {items[at]: at for at in range(start, end) if counts[items[at]] == 1}


def _between(part: Block, anchors: Sequence[tuple[int, int]]) -> Iterator[Block]:
    old_at, new_at = part.old_start, part.new_start
    for old_next, new_next in anchors:
        yield Block(old_at, old_next, new_at, new_next)
        old_at, new_at = old_next + 1, new_next + 1
    yield Block(old_at, part.old_end, new_at, part.new_end)


def _shortest(old: Sequence[T], new: Sequence[T], part: Block, work: Work) -> list[Block]:
    """Return the fewest changes, or the whole part as one where that takes too many steps."""
    trace = _search(old[part.old_start : part.old_end], new[part.new_start : part.new_end], work)
    if trace is None:
        return [part]
    blocks: list[Block] = []
    index = (part.old_end - part.old_start - (part.new_end - part.new_start) + len(trace) - 1) // 2
    for distance in range(len(trace) - 1, 0, -1):
        reached = trace[distance - 1]
        down = _goes_down(reached, index, distance)
        index -= not down
        x = reached[index]
        y = x - (2 * index - (distance - 1))
        at, there = part.old_start + x, part.new_start + y
        blocks.append(Block(at, at, there, there + 1) if down else Block(at, at + 1, there, there))
    return blocks[::-1]


def _search(a: Sequence[T], b: Sequence[T], work: Work) -> list["array[int]"] | None:
    """Return how far in ``a`` each diagonal was reached with 0, 1, … changes.

    Of distance d they are d + 1, from -d in steps of two. None: it takes too long.
    """
    reached = array("i")
    trace: list[array[int]] = []
    for distance in range(len(a) + len(b) + 1):
        latest = array("i")
        for index in range(distance + 1):
            down = _goes_down(reached, index, distance)
            x = (reached[index] if down else reached[index - 1] + 1) if distance else 0
            y = x - (2 * index - distance)
            began = x
            while x < len(a) and y < len(b) and a[x] == b[y]:
                x, y = x + 1, y + 1
            work.left -= 1 + x - began
            latest.append(x)
            if x >= len(a) and y >= len(b):
                return [*trace, latest]
        if work.left < 0:
            return None
        trace.append(latest)
        reached = latest
    return None


def _goes_down(reached: "array[int]", index: int, distance: int) -> bool:
    """Tell whether a diagonal is best reached by adding a line, rather than by removing one."""
    return index == 0 or (index < distance and reached[index - 1] < reached[index])


def _joined(blocks: Sequence[Block]) -> Iterator[Block]:
    """Make one of blocks that touch each other."""
    whole: Block | None = None
    for block in blocks:
        if whole is not None and (whole.old_end, whole.new_end) == block[::2]:
            whole = Block(whole.old_start, block.old_end, whole.new_start, block.new_end)
            continue
        if whole is not None:
            yield whole
        whole = block
    if whole is not None:
        yield whole
