"""Which lock may be put in place of which, by whom."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.storage import LockMode, SetLock
from services.storage.domain.errors import InvalidLock, LockKept
from services.storage.domain.locks import Lock, check_change, wanted
from tests.domain.storage.builders import NOON


def a_wish(mode: LockMode | None = None, days: float | None = None, **more: Any) -> SetLock:
    until = None if days is None else NOON + timedelta(days=days)
    return SetLock(bucket="b", path="p", actor="key:a", mode=mode, retain_until=until, **more)


def replace(before: SetLock | None, after: SetLock) -> Lock:
    """Return the lock after ``after`` was asked for, where ``before`` had been."""
    present = None if before is None else wanted(before, NOON)
    lock = wanted(after, NOON)
    check_change(present, lock, after, NOON)
    return lock


@pytest.mark.parametrize("after_days", [None, 5], ids=["lifted", "shortened"])
@pytest.mark.parametrize("said", [True, False], ids=["said", "unsaid"])
@pytest.mark.parametrize("owner", [True, False], ids=["owner", "writer"])
@pytest.mark.parametrize("mode", ["governance", "compliance"])
def test_only_governance_and_only_by_an_owner_who_says_so_is_lessened(
    mode: LockMode, owner: bool, said: bool, after_days: int | None
) -> None:
    after = a_wish(
        None if after_days is None else mode, after_days, as_owner=owner, bypass_governance=said
    )

    if mode == "governance" and owner and said:
        replace(a_wish(mode, 10), after)
    else:
        with pytest.raises(LockKept):
            replace(a_wish(mode, 10), after)


def test_compliance_is_not_softened_and_governance_is_hardened_by_anybody() -> None:
    with pytest.raises(LockKept):
        replace(
            a_wish("compliance", 10),
            a_wish("governance", 20, as_owner=True, bypass_governance=True),
        )
    assert replace(a_wish("governance", 10), a_wish("compliance", 10)).mode == "compliance"


def test_a_hold_is_set_by_anybody_and_lifted_by_an_owner() -> None:
    held = replace(None, a_wish(legal_hold=True))
    assert held.locks
    with pytest.raises(LockKept):
        replace(a_wish(legal_hold=True), a_wish())
    assert not replace(a_wish(legal_hold=True), a_wish(as_owner=True)).locks


def test_a_lock_that_has_ended_keeps_nobody_from_anything() -> None:
    ended = Lock(
        mode="compliance",
        retain_until=NOON - timedelta(seconds=1),
        legal_hold=False,
        set_at=NOON - timedelta(days=1),
        set_by="key:a",
    )

    check_change(ended, wanted(a_wish(), NOON), a_wish(), NOON)


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        (a_wish("governance"), "retain_until"),
        (a_wish(None, 1), "mode"),
        (a_wish("governance", 0), "retain_until"),
        (a_wish("governance", 36_501), "retain_until"),
    ],
    ids=["no-time", "no-mode", "now", "too-far"],
)
def test_a_wish_that_is_no_lock_names_its_field(wish: SetLock, field: str) -> None:
    with pytest.raises(InvalidLock) as refused:
        wanted(wish, NOON)

    assert refused.value.fields["field"] == field


WISHES = st.builds(
    a_wish,
    mode=st.sampled_from(["governance", "compliance"]),
    days=st.integers(1, 30),
    legal_hold=st.booleans(),
    as_owner=st.booleans(),
    bypass_governance=st.booleans(),
)


@given(st.lists(WISHES, min_size=1, max_size=8))
def test_whatever_is_asked_in_turn_compliance_only_ever_grows(wishes: list[SetLock]) -> None:
    present: Lock | None = None
    for wish in wishes:
        before = present
        lock = wanted(wish, NOON)
        try:
            check_change(present, lock, wish, NOON)
        except LockKept:
            continue
        present = lock
        if before is not None and before.mode == "compliance":
            assert present.mode == "compliance"
            assert before.retain_until is not None
            assert present.retain_until is not None
            assert present.retain_until >= before.retain_until
