"""What a policy keeps is decided state by state, for a dry run as for the real one."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.versioning import RetentionPolicy
from services.versioning.domain.retention import Anchor, State, judge, seen_by

pytestmark = pytest.mark.domain

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LAST_2 = RetentionPolicy(keep_last=2)
DAYS_30 = RetentionPolicy(keep_days=30)
EITHER = RetentionPolicy(keep_last=2, keep_days=30)


def a_state(
    rank: int = 5, days: int = 100, position: int | None = 10, until: int | None = 20
) -> State:
    return State(
        path="a",
        revision=1,
        sha256=bytes(32),
        size=1,
        created_at=NOW - timedelta(days=days + 1),
        rank=rank,
        position=position,
        until=until,
        ended_at=NOW - timedelta(days=days),
    )


@pytest.mark.parametrize(
    ("policy", "state", "expires", "reason"),
    [
        (LAST_2, a_state(rank=3), True, "2 newer states are there"),
        (LAST_2, a_state(rank=2), False, "it is one of the newest 2"),
        (DAYS_30, a_state(days=30), True, "it ended 30 days ago or more"),
        (DAYS_30, a_state(days=29), False, "it was present less than 30 days ago"),
        (EITHER, a_state(rank=3, days=29), False, "it was present less than 30 days ago"),
        (
            EITHER,
            a_state(rank=3, days=30),
            True,
            "2 newer states are there, and it ended 30 days ago or more",
        ),
        (LAST_2, a_state(until=None), False, "it is the present state"),
        (LAST_2, a_state(position=None, until=None), True, "2 newer states are there"),
        (RetentionPolicy(), a_state(), False, "no rule gives anything up"),
        (None, a_state(), False, "no rule gives anything up"),
        (RetentionPolicy(keep_days=0), a_state(days=0), True, "it ended 0 days ago or more"),
    ],
    ids=[
        "too-many",
        "newest",
        "too-old",
        "young",
        "one-rule-wants-it",
        "no-rule-wants-it",
        "present",
        "late",
        "empty-policy",
        "no-policy",
        "at-once",
    ],
)
def test_a_state_stays_while_a_rule_wants_it(
    policy: RetentionPolicy | None, state: State, expires: bool, reason: str
) -> None:
    assert judge(state, policy, [], NOW) == (expires, reason)


@pytest.mark.parametrize(
    ("position", "kept"), [(9, False), (10, True), (19, True), (20, False)], ids=str
)
def test_a_ref_sees_a_state_from_its_commit_up_to_the_next(position: int, kept: bool) -> None:
    anchors = [Anchor(1, "tag v0"), Anchor(position, "tag v1"), Anchor(40, "branch main")]

    assert judge(a_state(), LAST_2, anchors, NOW).expires is not kept


@given(
    positions=st.lists(st.integers(0, 30), unique=True).map(sorted),
    first=st.integers(0, 30),
    length=st.integers(1, 10),
)
def test_every_anchor_in_the_span_is_found_and_no_other(
    positions: list[int], first: int, length: int
) -> None:
    anchors = [Anchor(position, f"tag {position}") for position in positions]
    state = a_state(position=first, until=first + length)

    found = seen_by(state, anchors)

    inside = [anchor for anchor in anchors if first <= anchor.position < first + length]
    assert found == (inside[0] if inside else None)
