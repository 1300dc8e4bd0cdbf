"""A client is patient, but not for ever, and never where asking twice could do harm."""

from datetime import UTC, datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.client.failures import ApiProblem, retry_after_s
from libs.client.retries import NEVER, RetryPolicy, passes, repeatable

policy = RetryPolicy()


@given(tried=st.integers(1, 20))
def test_pauses_grow_but_stay_bounded(tried: int) -> None:
    pause_s = policy.pause_s(tried)

    if tried >= policy.tries:
        assert pause_s is None
    else:
        assert pause_s is not None
        assert policy.first_pause_s / 2 <= pause_s <= policy.longest_pause_s


@given(asked=st.floats(0, policy.patience_s))
def test_the_server_s_wish_is_the_least_pause(asked: float) -> None:
    pause_s = policy.pause_s(1, asked)

    assert pause_s is not None
    assert pause_s >= asked


def test_a_server_that_asks_for_too_long_a_pause_is_told_to_the_caller() -> None:
    assert policy.pause_s(1, policy.patience_s + 1) is None


def test_who_never_answered_is_given_up_sooner() -> None:
    assert policy.pause_s(policy.tries_at_a_stranger) is not None
    assert policy.pause_s(policy.tries_at_a_stranger, met=False) is None


def test_never_means_never() -> None:
    assert NEVER.pause_s(1) is None


def test_clients_do_not_return_all_at_the_same_moment() -> None:
    assert len({policy.pause_s(4) for _ in range(20)}) > 1


def test_only_a_call_of_which_nothing_was_sent_is_repeated_without_a_promise() -> None:
    broken, refused = httpx.ReadError("reset"), httpx.ConnectError("refused")

    assert repeatable(broken, idempotent=True)
    assert not repeatable(broken, idempotent=False)
    assert repeatable(refused, idempotent=False)


@pytest.mark.parametrize(
    ("status", "code", "tried", "expected"),
    [
        (503, "service-unavailable", 1, True),
        (429, "too-many-requests", 1, True),
        (409, "idempotency-key-in-use", 2, True),
        (409, "idempotency-key-in-use", 1, False),
        (409, "bucket-exists", 2, False),
        (500, "internal-error", 1, False),
        (502, "file-damaged", 1, False),
    ],
)
def test_only_what_passes_by_itself_is_waited_for(
    status: int, code: str, tried: int, expected: bool
) -> None:
    assert passes(ApiProblem(code, status), tried) is expected


def test_retry_after_is_understood_as_seconds_and_as_a_date() -> None:
    now = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)

    assert retry_after_s("2") == 2.0
    assert retry_after_s("Sat, 21 Nov 2026 12:00:30 GMT", now) == 30.0
    assert retry_after_s("Sat, 21 Nov 2026 11:00:00 GMT", now) == 0.0
    assert retry_after_s("soon") is None
    assert retry_after_s(None) is None
