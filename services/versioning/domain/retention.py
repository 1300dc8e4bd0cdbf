"""Which past states a policy keeps, and why: pure rules, for a dry run as for the real one.

A state of ``main`` was present in every commit from the one that made it up to the one before
another state took its place. So it is seen by a ref whose commit, or whose branching off, lies
there.
"""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from msgspec import Struct

from libs.contracts.versioning import RetentionPolicy


class State(Struct, frozen=True, kw_only=True):
    """A state that a path of ``main`` had, with content."""

    path: str
    revision: int
    sha256: bytes
    size: int
    created_at: datetime
    rank: int
    """Counts the states of the path with content, from the newest, which is 1."""
    position: int | None
    """Of the commit that made it the state; None: it came late, and never was."""
    until: int | None
    """Of the commit that put another state, or none, in its place; None: it is present."""
    ended_at: datetime | None
    """When something newer was there."""

    @property
    def is_present(self) -> bool:
        """Whether this is what the path has now."""
        return self.position is not None and self.until is None


class Anchor(NamedTuple):
    """A position of ``main`` that a ref sees: its own commit, or where its branch came off."""

    position: int
    name: str
    """E.g. ``tag v1``."""


class Verdict(NamedTuple):
    """What becomes of a state."""

    expires: bool
    reason: str


def wants_anything(policy: RetentionPolicy | None) -> bool:
    """Tell whether a policy can expire a state at all."""
    return policy is not None and not (policy.keep_last is None and policy.keep_days is None)


def judge(
    state: State, policy: RetentionPolicy | None, anchors: Sequence[Anchor], now: datetime
) -> Verdict:
    """Say whether ``policy`` gives a state up; ``anchors`` ascend by position."""
    if state.is_present:
        return Verdict(False, "it is the present state")
    if policy is None or not wants_anything(policy):
        return Verdict(False, "no rule gives anything up")
    if (anchor := seen_by(state, anchors)) is not None:
        return Verdict(False, f"{anchor.name} has it")
    if policy.keep_last is not None and state.rank <= policy.keep_last:
        return Verdict(False, f"it is one of the newest {policy.keep_last}")
    ended_at = state.ended_at or state.created_at
    if policy.keep_days is not None and now - ended_at < timedelta(days=policy.keep_days):
        return Verdict(False, f"it was present less than {policy.keep_days} days ago")
    return Verdict(True, _because(policy))


def seen_by(state: State, anchors: Sequence[Anchor]) -> Anchor | None:
    """Return some ref that sees the state: its anchor lies while the state was present."""
    if state.position is None or state.until is None:
        return None
    first = bisect_left(anchors, state.position, key=_position)
    if first == len(anchors) or anchors[first].position >= state.until:
        return None
    return anchors[first]


def _position(anchor: Anchor) -> int:
    return anchor.position


def _because(policy: RetentionPolicy) -> str:
    older = f"it ended {policy.keep_days} days ago or more"
    if policy.keep_last is None:
        return older
    newer = f"{policy.keep_last} newer states are there"
    if policy.keep_last == 1:
        newer = "a newer state is there"
    return newer if policy.keep_days is None else f"{newer}, and {older}"
