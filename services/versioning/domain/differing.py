"""What differs between two trees, as a reader sees it: moves are found among added and removed.

A file has moved when its bytes were removed at one path and added at another. Where several paths
have the same bytes, those of the same name find each other first, the others in the order of
paths: the same two trees always give the same answer.
"""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from libs.contracts.versioning import FileState, Kind, PathDifference
from services.versioning.domain.tree import Delta, Entry

MOST_COMPARED = 10_000
"""Differing paths among which moves are found; of more, only those of a page are looked at."""


class Differing(Struct, frozen=True):
    """A path whose file is another, or what became of a file."""

    path: str
    """Where it is after; where it was, when it was removed."""
    before: Entry | None
    after: Entry | None
    moved_from: str | None = None

    @property
    def kind(self) -> Kind:
        """What happened."""
        if self.moved_from is not None:
            return "moved"
        if self.before is None:
            return "added"
        return "removed" if self.after is None else "changed"

    def told(self) -> PathDifference:
        """Return it as it crosses the wire."""
        before, after = self.before, self.after
        return PathDifference(
            kind=self.kind,
            path=self.path,
            before=_state(before),
            after=_state(after),
            moved_from=self.moved_from,
            described=(
                before is not None
                and after is not None
                and before.sha256 == after.sha256
                and before != after
            ),
        )


def find_moves(deltas: Iterable[Delta]) -> dict[str, str]:
    """Return where files went, and from where each came."""
    gone: dict[bytes, list[str]] = {}
    come: dict[bytes, list[str]] = {}
    for delta in deltas:
        if delta.after is None and delta.before is not None:
            gone.setdefault(delta.before.sha256, []).append(delta.path)
        elif delta.before is None and delta.after is not None:
            come.setdefault(delta.after.sha256, []).append(delta.path)
    moves: dict[str, str] = {}
    for content in gone.keys() & come.keys():
        moves |= _paired(gone[content], come[content])
    return moves


def with_moves(deltas: Sequence[Delta]) -> list[Differing]:
    """Return ``deltas``, each move among them as one, in the order of paths."""
    moves = find_moves(deltas)
    gone = set(moves.values())
    moved = {delta.path: delta.before for delta in deltas if delta.before is not None}
    return joined([delta for delta in deltas if delta.path not in gone], moves, moved)


def joined(
    deltas: Iterable[Delta], moves: Mapping[str, str], moved: Mapping[str, Entry]
) -> list[Differing]:
    """Return ``deltas``, those that ``moves`` tells of with the file that was ``moved`` there.

    What is left where a file moved from must not be among them.
    """
    return [
        Differing(delta.path, moved[moves[delta.path]], delta.after, moves[delta.path])
        if delta.path in moves
        else Differing(delta.path, delta.before, delta.after)
        for delta in deltas
    ]


def _paired(gone: Sequence[str], come: Sequence[str]) -> Mapping[str, str]:
    by_name: dict[str, list[str]] = {}
    for path in reversed(gone):
        by_name.setdefault(_name(path), []).append(path)
    pairs = {path: by_name[_name(path)].pop() for path in come if by_name.get(_name(path))}
    found = set(pairs.values())
    left = (path for path in gone if path not in found)
    return pairs | dict(zip((path for path in come if path not in pairs), left, strict=False))


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _state(entry: Entry | None) -> FileState | None:
    if entry is None:
        return None
    return FileState(sha256=entry.sha256.hex(), size=entry.size, content_type=entry.content_type)
