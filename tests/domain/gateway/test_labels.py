"""Metadata and tags travel in headers."""

import pytest

from services.gateway.domain.failures import MalformedHeader
from services.gateway.domain.labels import read_metadata, read_tags, write


def test_metadata_is_read_from_its_headers() -> None:
    headers = [("content-type", "x"), ("strongroom-meta-author", "J%C3%BCrgen"), ("host", "x")]

    assert read_metadata(headers) == {"author": "Jürgen"}


def test_tags_are_read_like_a_form() -> None:
    assert read_tags("a=b&c=d%20e&f=") == {"a": "b", "c": "d e", "f": ""}
    assert read_tags(None) == {}


@pytest.mark.parametrize("header", ["a", "a=b&a=c", "&", "a=%ff", "&".join(["a=b"] * 51)])
def test_tags_of_another_form_are_refused(header: str) -> None:
    with pytest.raises(MalformedHeader):
        read_tags(header)


@pytest.mark.parametrize(
    "headers",
    [
        [("strongroom-meta-", "x")],
        [("strongroom-meta-a", "x"), ("strongroom-meta-a", "y")],
        [("strongroom-meta-a", "%ff")],
    ],
)
def test_metadata_of_another_form_is_refused(headers: list[tuple[str, str]]) -> None:
    with pytest.raises(MalformedHeader):
        read_metadata(headers)


def test_what_is_written_is_read_back_the_same() -> None:
    metadata = {"author": "Jürgen 100%", "note": "a\r\nb"}
    tags = {"a": "b&c", "ü": "="}

    lines = [(name.decode(), value.decode()) for name, value in write(metadata, tags)]

    assert not any(set("\r\n") & set(value) for _, value in lines)
    assert read_metadata(lines) == metadata
    assert read_tags(dict(lines)["strongroom-tags"]) == tags


def test_a_key_that_fits_no_header_is_left_out() -> None:
    assert write({"a\r\nb": "x", "ä": "y", "": "z"}, {}) == []
