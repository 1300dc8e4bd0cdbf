"""A URL's path is decoded once, strictly, and nothing in it is normalised."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.domain.failures import MalformedPath
from services.gateway.domain.paths import decode, find_file


def test_a_file_url_is_split_where_the_file_begins() -> None:
    address = find_file(b"/api/v1/buckets/reports/files/2026/files/a.txt")

    assert address is not None
    assert address.before == b"/api/v1/buckets/reports/files"
    assert address.file == b"2026/files/a.txt"


@pytest.mark.parametrize(
    "raw",
    [
        b"/api/v1/buckets/reports/files",
        b"/api/v1/buckets/reports/versions",
        b"/api/v1/buckets/a/b/files/x",
        b"/api/v1/files/x",
    ],
)
def test_other_urls_name_no_file(raw: bytes) -> None:
    assert find_file(raw) is None


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        (b"a/b", "a/b"),
        (b"a%2Fb", "a/b"),
        (b"a+b", "a+b"),
        (b"%C3%A4", "ä"),
        (b"%2e%2e/x", "../x"),
        (b"a%2500", "a%00"),
        (b"a//b/", "a//b/"),
        (b"%00", "\0"),
    ],
)
def test_escapes_are_decoded_exactly_once(raw: bytes, path: str) -> None:
    assert decode(raw) == path


@pytest.mark.parametrize("raw", [b"", b"%", b"%4", b"%zz", b"%ff", b"%c0%ae", b"\xff", b"a" * 1025])
def test_what_spells_no_path_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedPath):
        decode(raw)


@given(st.text(min_size=1, max_size=200))
def test_every_path_survives_its_encoding(path: str) -> None:
    try:
        encoded = path.encode("utf-8")
    except UnicodeEncodeError:
        return

    assert decode(b"".join(b"%%%02X" % byte for byte in encoded)) == path
