"""What a signed link is good for, decided without looking anywhere."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from libs.contracts.ids import new_id
from services.gateway.domain.failures import LinkRefused
from services.gateway.domain.links import LinkMethod, Terms, derive_secret, expiry, sign, verify

SECRET = derive_secret(b"s" * 32)
NOW = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
TERMS = Terms(
    link_id=new_id(),
    key_id=new_id(),
    bucket_id=new_id(),
    method="GET",
    expires_at=int(NOW.timestamp()) + 60,
)


def test_what_was_signed_is_read_back() -> None:
    terms = replace(TERMS, method="PUT", content_type="text/plain", max_length=7)

    assert verify(SECRET, sign(SECRET, terms, "reports", "a/b"), "reports", "a/b") == terms
    assert expiry(terms) == NOW + timedelta(seconds=60)


@given(flip=st.integers(min_value=0, max_value=10_000))
def test_no_changed_bit_is_believed(flip: int) -> None:
    signature = sign(SECRET, TERMS, "reports", "a")
    at = flip % (len(signature) - 1)  # the last letter carries bits that mean nothing
    letter = "A" if signature[at] != "A" else "B"

    with pytest.raises(LinkRefused):
        verify(SECRET, signature[:at] + letter + signature[at + 1 :], "reports", "a")


@pytest.mark.parametrize(
    ("secret", "bucket", "path"),
    [
        (derive_secret(b"t" * 32), "reports", "a/b"),
        (b"s" * 32, "reports", "a/b"),
        (SECRET, "report", "sa/b"),
        (SECRET, "reports", "a/c"),
        (SECRET, "reports", "A/b"),
    ],
    ids=["other-secret", "underived-secret", "moved-letter", "other-path", "other-case"],
)
def test_a_link_fits_its_own_file_only(secret: bytes, bucket: str, path: str) -> None:
    with pytest.raises(LinkRefused):
        verify(secret, sign(SECRET, TERMS, "reports", "a/b"), bucket, path)


@given(text=st.text(max_size=200))
def test_any_text_is_refused_by_name(text: str) -> None:
    with pytest.raises(LinkRefused):
        verify(SECRET, text, "reports", "a")


@pytest.mark.parametrize("late_s", [0, 1, 10_000])
def test_a_link_ends_with_its_last_second(late_s: int) -> None:
    TERMS.check_call("GET", frozenset(), expiry(TERMS) - timedelta(milliseconds=1))
    with pytest.raises(LinkRefused):
        TERMS.check_call("GET", frozenset(), expiry(TERMS) + timedelta(seconds=late_s))


@pytest.mark.parametrize(
    ("method", "called", "good"),
    [
        ("GET", "GET", True),
        ("GET", "HEAD", True),
        ("GET", "PUT", False),
        ("HEAD", "GET", False),
        ("PUT", "PUT", True),
        ("PUT", "GET", False),
        ("PUT", "DELETE", False),
    ],
)
def test_a_link_is_good_for_its_method(method: LinkMethod, called: str, good: bool) -> None:
    terms = replace(TERMS, method=method)
    if good:
        terms.check_call(called, frozenset(), NOW)
    else:
        with pytest.raises(LinkRefused):
            terms.check_call(called, frozenset(), NOW)


def test_a_body_is_measured_while_it_comes() -> None:
    exact = replace(TERMS, method="PUT", content_length=10)

    exact.check_length(3, complete=False)
    exact.check_length(10, complete=True)
    for size, complete in ((11, False), (9, True), (11, True)):
        with pytest.raises(LinkRefused):
            exact.check_length(size, complete=complete)
