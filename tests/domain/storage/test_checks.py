"""Which checks a bucket may require, and how long nobody is asked again."""

import pytest

from services.storage.domain.checks import check_names, pause_s
from services.storage.domain.errors import CheckUnavailable, InvalidChecks


def test_clamav_needs_a_clamd() -> None:
    check_names(["content", "clamav", "review"], clamd=True)

    with pytest.raises(CheckUnavailable):
        check_names(["clamav"], clamd=False)


def test_a_check_is_required_once() -> None:
    with pytest.raises(InvalidChecks):
        check_names(["review", "content", "review"], clamd=False)


@pytest.mark.parametrize(
    ("times", "pause"), [(1, 30.0), (2, 60.0), (5, 480.0), (9, 3600.0), (10_000, 3600.0)]
)
def test_pauses_grow_up_to_an_hour(times: int, pause: float) -> None:
    assert pause_s(30.0, times) == pause
