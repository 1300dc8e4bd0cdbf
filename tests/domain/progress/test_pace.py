from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.domain.progress.builders import PACE


@given(st.integers(min_value=1, max_value=10_000))
def test_pauses_never_shrink_and_never_pass_their_bound(attempt: int) -> None:
    pauses = [PACE.before_retry(attempt), PACE.before_retry(attempt + 1)]

    assert PACE.retry_first <= pauses[0] <= pauses[1] <= PACE.retry_longest


@given(st.floats(allow_nan=False))
def test_a_wish_is_heard_up_to_a_day(wish: float) -> None:
    pause = PACE.before_retry(1, at_least_s=wish)

    assert PACE.retry_first <= pause <= timedelta(days=1)
