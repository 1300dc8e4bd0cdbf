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
