"""One range of bytes at most."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.domain.failures import RangeNotSatisfiable
from services.gateway.domain.ranges import ByteRange, find_range


@pytest.mark.parametrize(
    ("header", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-99", 0, 10),
        ("bytes=3-", 3, 10),
        ("bytes=-4", 6, 10),
        ("bytes=-400", 0, 10),
        ("Bytes = 2-3", 2, 4),
    ],
)
def test_a_range_is_cut_to_the_file(header: str, start: int, end: int) -> None:
    assert find_range(header, 10) == ByteRange(start, end, 10)


def test_no_header_and_another_unit_ask_for_the_whole() -> None:
    assert find_range(None, 10) is None
    assert find_range("lines=1-2", 10) is None


@pytest.mark.parametrize(
    "header",
    [
        "bytes=0-1,3-4",
        "bytes=0-5,2-8",
        "bytes=" + ",".join("0-0" for _ in range(10_000)),
        "bytes=10-",
        "bytes=10-20",
        "bytes=5-2",
        "bytes=-0",
        "bytes=",
        "bytes=a-b",
        "bytes=--1",
        "bytes=1-2-3",
        "bytes=" + "9" * 40 + "-",
    ],
)
def test_anything_but_one_satisfiable_range_is_refused(header: str) -> None:
    with pytest.raises(RangeNotSatisfiable) as refused:
        find_range(header, 10)

    assert refused.value.fields["size"] == 10


def test_an_empty_file_has_no_range() -> None:
    for header in ("bytes=0-", "bytes=-1"):
        with pytest.raises(RangeNotSatisfiable):
            find_range(header, 0)


@given(st.integers(1, 10**12), st.integers(0, 10**12), st.integers(0, 10**12))
def test_a_range_never_leaves_the_file(size: int, first: int, last: int) -> None:
    try:
        found = find_range(f"bytes={first}-{last}", size)
    except RangeNotSatisfiable:
        return

    assert found is not None
    assert 0 <= found.start < found.end <= size
    assert found.content_range() == f"bytes {found.start}-{found.end - 1}/{size}"
