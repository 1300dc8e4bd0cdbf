import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.paths import MOST_BYTES, InvalidPath, check_path, check_search_text
from services.storage.domain.listing import end_of


@pytest.mark.parametrize(
    "path",
    [
        "a",
        "a/b/c.txt",
        "..a/b..",
        "...",
        ".hidden/.file",
        "%2e%2e/x",
        "with space/ü/日本語/😀",
        "e\u0301",
        "\u00e9",
        "a" * MOST_BYTES,
        "שלום/مرحبا",
        "a:b?c*d|e\"<>'",
    ],
)
def test_an_ordinary_path_is_accepted_as_it_is(path: str) -> None:
    check_path(path)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/a",
        "a/",
        "a//b",
        ".",
        "..",
        "a/../b",
        "../a",
        "a/..",
        "a/./b",
        "./a",
        "a\\b",
        "..\\a",
        "a\x00b",
        "a\rb",
        "a\nb",
        "a\tb",
        "a\x1fb",
        "a\x7fb",
        "a\x85b",
        "a\x9fb",
        "a\u2028b",
        "a\u2029b",
        "report\u202efdp.exe",
        "a\u202ab",
        "a\u2066b",
        "a\u2069b",
        "a\ud800b",
        "a" + chr(0xDFFF) + "b",
        "a\ufffeb",
        "a\uffffb",
        "a\ufdd0b",
        "a\U0010ffffb",
        "a" * (MOST_BYTES + 1),
        "ü" * (MOST_BYTES // 2) + "x",
    ],
)
def test_a_path_that_could_hurt_is_refused_by_name_of_its_field(path: str) -> None:
    with pytest.raises(InvalidPath) as refused:
        check_path(path, "source")
    assert refused.value.details().status == 400
    assert refused.value.fields == {"field": "source"}


def test_the_refusal_can_be_sent_although_the_path_cannot() -> None:
    with pytest.raises(InvalidPath) as refused:
        check_path("a\ud800/b")
    refused.value.details().detail.encode()


@pytest.mark.parametrize("text", ["a\x00", "\ud800", "\udc00x"])
def test_a_prefix_that_is_no_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidPath):
        check_search_text(text, "prefix")


def test_a_prefix_that_no_path_can_have_is_merely_never_found() -> None:
    check_search_text("../\\\r\n//", "prefix")


@given(st.text(max_size=50))
def test_whatever_is_accepted_climbs_nowhere_and_splits_no_line(path: str) -> None:
    try:
        check_path(path)
    except InvalidPath:
        return
    assert len(path.encode()) <= MOST_BYTES
    assert path.splitlines() == [path]
    assert not {"", ".", ".."} & set(path.split("/"))
    assert path < end_of("")
