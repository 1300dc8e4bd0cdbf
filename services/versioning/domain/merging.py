"""Merging three-way, path by path: what only one side changed is taken from there. No I/O here.

Everything that a tree says of a file counts: two sides that give a file different bytes, types,
metadata or tags are in conflict, and so is one that changes what the other removed.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

from msgspec import Struct

from services.versioning.domain.errors import ResolutionUnused
from services.versioning.domain.tree import Delta, Entry

Side: TypeAlias = Literal["ours", "theirs"]
Resolution: TypeAlias = Side | Entry | None
"""Which side is right, or what the path becomes instead; None: it is removed."""

PATHS_NAMED = 20
KEPT, CONFLICT = "kept", "conflict"
"""What a merge says of a path that it leaves as ours, and of one that it leaves to people."""


class Conflict(Struct, frozen=True):
    """A path that both sides changed, differently; None: there is no file."""

    path: str
    base: Entry | None
    ours: Entry | None
    theirs: Entry | None


class ThreeWay(Struct, frozen=True):
    """What a merge comes to."""

    states: dict[str, Entry | None]
    """What paths of our side become; none is as it is already."""
    conflicts: list[Conflict]
    """In the order of paths."""
    on_both: frozenset[str] = frozenset()
    """Paths that both sides changed, be it in the same way."""


def merge(ours: Sequence[Delta], theirs: Sequence[Delta]) -> ThreeWay:
    """Bring together how two sides differ from one base; the same change on both is none."""
    ours_by_path = {delta.path: delta for delta in ours}
    states: dict[str, Entry | None] = {}
    conflicts: list[Conflict] = []
    for delta in theirs:
        own = ours_by_path.get(delta.path)
        if own is None:
            states[delta.path] = delta.after
        elif own.after != delta.after:
            conflicts.append(Conflict(delta.path, delta.before, own.after, delta.after))
    on_both = ours_by_path.keys() & {delta.path for delta in theirs}
    return ThreeWay(states, conflicts, frozenset(on_both))


def disputed(one: ThreeWay, other: ThreeWay) -> frozenset[str]:
    """Return the paths of which merges of the same sides, from two bases, say different things."""
    mine, its = _outcomes(one), _outcomes(other)
    return frozenset(
        path for path in mine.keys() | its.keys() if mine.get(path, KEPT) != its.get(path, KEPT)
    )


def with_conflicts(merged: ThreeWay, further: Sequence[Conflict]) -> ThreeWay:
    """Return the merge with ``further`` paths in conflict, whatever it said of them."""
    by_path = {conflict.path: conflict for conflict in (*merged.conflicts, *further)}
    states = {path: entry for path, entry in merged.states.items() if path not in by_path}
    conflicts = [conflict for _, conflict in sorted(by_path.items())]
    return ThreeWay(states, conflicts, merged.on_both | by_path.keys())


def _outcomes(merged: ThreeWay) -> dict[str, Entry | str | None]:
    return merged.states | {conflict.path: CONFLICT for conflict in merged.conflicts}


def resolve(
    merged: ThreeWay, resolutions: Mapping[str, Resolution], otherwise: Side | None = None
) -> ThreeWay:
    """Settle the conflicts that have a resolution, or all with ``otherwise``; others stay.

    A resolution for a path without a conflict is ``resolution-unused``: what was meant by it would
    not happen.
    """
    _refuse_unused(merged, resolutions)
    states = dict(merged.states)
    left: list[Conflict] = []
    for conflict in merged.conflicts:
        if conflict.path not in resolutions and otherwise is None:
            left.append(conflict)
            continue
        entry = _resolved(conflict, resolutions.get(conflict.path, otherwise))
        if entry != conflict.ours:
            states[conflict.path] = entry
    return ThreeWay(states, left, merged.on_both)


def _resolved(conflict: Conflict, resolution: Resolution) -> Entry | None:
    if resolution == "ours":
        return conflict.ours
    if resolution == "theirs":
        return conflict.theirs
    return resolution


def _refuse_unused(merged: ThreeWay, resolutions: Mapping[str, Resolution]) -> None:
    unused = sorted(resolutions.keys() - {conflict.path for conflict in merged.conflicts})
    if unused:
        raise ResolutionUnused(
            f"nothing is in conflict at {unused[0]!r}"
            + (f" and {len(unused) - 1} more" if len(unused) > 1 else ""),
            paths=unused[:PATHS_NAMED],
        )
