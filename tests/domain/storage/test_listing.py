import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.storage import FileInfo
from services.storage.domain.listing import end_of, page, rolled_up, start_behind
from tests.domain.storage.builders import a_file

PATHS = st.text(alphabet="ab/é\U0001f600", min_size=1, max_size=8)


@given(prefix=PATHS, path=PATHS)
def test_the_end_of_a_prefix_parts_its_paths_from_all_that_follow(prefix: str, path: str) -> None:
    if path.startswith(prefix):
        assert prefix.encode() <= path.encode() < end_of(prefix).encode()
    elif path > prefix:
        assert path.encode() > end_of(prefix).encode()


@pytest.mark.parametrize(
    ("path", "prefix", "delimiter", "group"),
    [
        ("a/b/c", "", "/", "a/"),
        ("a/b/c", "a/", "/", "a/b/"),
        ("a/b/c", "a/b/", "/", None),
        ("abc", "", "/", None),
        ("a/b", "", "", None),
        ("a--b--c", "", "--", "a--"),
        ("a/b", "a", "/", "a/"),
    ],
)
def test_a_path_rolls_up_to_the_first_delimiter_behind_the_prefix(
    path: str, prefix: str, delimiter: str, group: str | None
) -> None:
    assert rolled_up(path, prefix, delimiter) == group


def test_a_page_that_ended_with_a_group_goes_on_behind_all_of_it() -> None:
    assert start_behind("", "/", "a/") == end_of("a/")
    assert start_behind("a/", "/", "a/b/") == end_of("a/b/")


@pytest.mark.parametrize("start_after", ["a", "a/b", "a/b/c", "b"])
def test_a_page_that_ended_with_a_file_goes_on_behind_it(start_after: str) -> None:
    assert start_behind("", "/", start_after) == start_after


def test_a_page_is_cut_and_tells_where_it_goes_on() -> None:
    found: list[FileInfo | str] = [a_file("a").info("reports"), "b/", a_file("c").info("reports")]

    assert page(found, 3).next is None
    cut = page(found, 2)
    assert [file.path for file in cut.items] == ["a"]
    assert (cut.prefixes, cut.next) == (["b/"], "b/")
    assert page(found, 1).next == "a"


def test_a_page_ends_early_where_a_message_is_full() -> None:
    found: list[FileInfo | str] = [f"{number:03}{'x' * 1000}/" for number in range(1000)]

    cut = page(found, 1000)

    assert 0 < len(cut.prefixes) < 1000
    assert cut.next == cut.prefixes[-1]
