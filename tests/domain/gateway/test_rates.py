"""Token buckets, and the pace of a body."""

from services.gateway.domain.rates import Pace, TokenBucket


def test_a_burst_is_allowed_and_then_the_rate() -> None:
    bucket = TokenBucket.full(per_s=10, burst=3, now=100.0)

    assert [bucket.take(100.0) for _ in range(3)] == [0.0, 0.0, 0.0]
    assert bucket.is_empty(100.0)
    assert 0.09 < bucket.take(100.0) <= 0.1
    assert bucket.take(100.11) == 0.0
    assert bucket.take(100.11) > 0.0


def test_a_bucket_never_holds_more_than_its_burst() -> None:
    bucket = TokenBucket.full(per_s=10, burst=3, now=0.0)

    taken = [bucket.take(1_000_000.0) for _ in range(4)]

    assert taken[:3] == [0.0, 0.0, 0.0]
    assert taken[3] > 0.0


def test_a_clock_that_stands_or_goes_back_gives_nothing() -> None:
    bucket = TokenBucket.full(per_s=10, burst=1, now=50.0)

    assert bucket.take(50.0) == 0.0
    assert bucket.take(10.0) > 0.0


def test_a_slow_body_is_given_up_after_its_grace() -> None:
    pace = Pace(least_bytes_s=1000, grace_s=5)

    pace.came(10, waited_s=4)
    assert not pace.is_too_slow()
    pace.came(10, waited_s=4)
    assert pace.is_too_slow()


def test_a_body_that_we_kept_waiting_is_not_slow() -> None:
    pace = Pace(least_bytes_s=1000, grace_s=5)

    for _ in range(100):
        pace.came(1000, waited_s=0.1)

    assert not pace.is_too_slow()
