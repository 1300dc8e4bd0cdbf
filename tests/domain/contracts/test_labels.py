import pytest

from libs.contracts.labels import (
    InvalidContentType,
    InvalidLabels,
    check_content_type,
    check_metadata,
    check_tags,
)


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "text/html; charset=utf-8", "application/vnd.api+json", "image/svg+xml"],
)
def test_a_media_type_is_accepted(content_type: str) -> None:
    check_content_type(content_type)


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text",
        "text/",
        "/plain",
        "text/plain\r\nX-Evil: 1",
        "text/plain\n",
        "text/pläin",
        "a b/c",
    ],
)
def test_what_is_no_media_type_never_becomes_a_header(content_type: str) -> None:
    with pytest.raises(InvalidContentType):
        check_content_type(content_type)


@pytest.mark.parametrize("labels", [{}, {"author": "Ada"}, {"x-1": "größer"}, {"k": ""}])
def test_plain_labels_are_accepted(labels: dict[str, str]) -> None:
    check_metadata(labels)
    check_tags(labels)


@pytest.mark.parametrize(
    "labels",
    [
        {"": "x"},
        {"a": "x\r\ny"},
        {"a": "\x00"},
        {"a": "\ud800"},
        {"a\n": "x"},
        {"a" * 129: "x"},
        {"a": "x" * 1025},
        {f"k{n}": "v" for n in range(65)},
        {f"k{n}": "v" * 1000 for n in range(9)},
    ],
)
def test_labels_that_break_headers_or_limits_are_refused(labels: dict[str, str]) -> None:
    with pytest.raises(InvalidLabels):
        check_metadata(labels)
    with pytest.raises(InvalidLabels):
        check_tags(labels)


def test_only_metadata_keys_must_fit_in_a_header() -> None:
    check_tags({"Größe in m": "3"})
    with pytest.raises(InvalidLabels):
        check_metadata({"Größe in m": "3"})
