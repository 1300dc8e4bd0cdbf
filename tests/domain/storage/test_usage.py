"""Growth and quotas, with numbers only."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.storage.domain.errors import LargerThanQuota, QuotaExceeded
from services.storage.domain.usage import Growth, Limit, Present, growth_of

ONE, OTHER = UUID(int=1), UUID(int=2)


def a_limit(used: int, quota: int = 1000) -> Limit:
    return Limit(kind="bucket", whose="reports", quota_bytes=quota, used_bytes=used)


def growth(present: Present | None, *, blob_id: UUID = OTHER, versioned: bool) -> Growth:
    return growth_of(present, blob_id=blob_id, size=100, author="me", versioned=versioned)


def a_file(author: str = "me") -> Present:
    return Present(blob_id=ONE, size=30, author=author)


@pytest.mark.parametrize("versioned", [True, False])
def test_a_new_file_costs_its_size(versioned: bool) -> None:
    assert growth(None, versioned=versioned) == Growth(bucket=100, author=100)


def test_what_is_replaced_makes_room_unless_it_stays_as_a_version() -> None:
    assert growth(a_file(), versioned=False) == Growth(bucket=70, author=70)
    assert growth(a_file(), versioned=True) == Growth(bucket=100, author=100)


def test_what_somebody_else_stored_makes_no_room_for_me() -> None:
    assert growth(a_file("you"), versioned=False) == Growth(bucket=70, author=100)


def test_the_same_bytes_again_cost_nothing_and_are_mine_from_now_on() -> None:
    same = Present(blob_id=ONE, size=100, author="me")
    yours = Present(blob_id=ONE, size=100, author="you")

    assert growth(same, blob_id=ONE, versioned=True) == Growth(bucket=0, author=0)
    assert growth(yours, blob_id=ONE, versioned=True) == Growth(bucket=0, author=100)


def test_the_last_byte_fits_and_the_next_does_not() -> None:
    a_limit(900).check(100)
    with pytest.raises(QuotaExceeded) as refused:
        a_limit(900).check(101)

    assert refused.value.status == 507
    assert refused.value.fields == {
        "of": "bucket",
        "quota_bytes": 1000,
        "used_bytes": 900,
        "needed_bytes": 101,
    }


def test_more_than_the_whole_quota_has_a_status_of_its_own_and_the_same_code() -> None:
    with pytest.raises(LargerThanQuota) as refused:
        a_limit(0).check(1001)

    assert (refused.value.code, refused.value.status) == ("quota-exceeded", 413)


@given(used=st.integers(0, 5000), growth=st.integers(-5000, 5000))
def test_what_is_allowed_keeps_the_quota_or_adds_nothing(used: int, growth: int) -> None:
    limit = a_limit(used)
    try:
        limit.check(growth)
    except QuotaExceeded:
        assert growth > 0
        assert used + growth > limit.quota_bytes
    else:
        assert growth <= 0 or used + growth <= limit.quota_bytes
