"""What is brought back, where to, and what speaks against it; and where lists go on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.paths import InvalidPath
from services.storage.domain.errors import FileExists, InvalidSelection, NotInTrash
from services.storage.domain.positions import parse_position, position_of
from services.storage.domain.trash import Trashed, check_found, check_selection, placed, plan
from tests.domain.storage.builders import a_content, a_file


def an_entry(path: str) -> Trashed:
    return Trashed(path=path, revision=1, content=a_content(path))


def test_entries_are_placed_in_the_order_of_their_new_paths() -> None:
    wanted = placed([an_entry("b"), an_entry("a")], "old/")

    assert list(wanted) == ["old/a", "old/b"]
    assert wanted["old/a"] == a_content("a")


@pytest.mark.parametrize("into", ["/", "../", "a//", "\n"])
def test_nothing_is_placed_where_no_file_can_be(into: str) -> None:
    with pytest.raises(InvalidPath):
        placed([an_entry("a")], into)


def test_a_file_that_is_there_refuses_and_a_deleted_one_does_not() -> None:
    wanted = placed([an_entry("a"), an_entry("b")], "")

    with pytest.raises(FileExists) as refused:
        plan(wanted, {"b": a_file("b")}, overwrite=False)
    assert refused.value.fields == {"path": "b"}
    assert len(plan(wanted, {"b": a_file("b", None)}, overwrite=False)) == 2
    assert len(plan(wanted, {"b": a_file("b")}, overwrite=True)) == 2


@pytest.mark.parametrize(("one", "prefix"), [(None, None), (["a"], ""), (["a"], "b")])
def test_exactly_one_of_two_chooses(one: list[str] | None, prefix: str | None) -> None:
    with pytest.raises(InvalidSelection):
        check_selection(one, prefix, "paths")


def test_what_is_not_in_the_trash_is_named() -> None:
    with pytest.raises(NotInTrash, match="'b'"):
        check_found(["a", "b"], [an_entry("a")])
    with pytest.raises(NotInTrash):
        check_found(None, [])


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1), st.integers(1, 10**17))
def test_a_position_comes_back_as_it_was(path: str, revision: int) -> None:
    assert parse_position(position_of(path, revision)) == (path, revision)


@pytest.mark.parametrize("text", ["x", "1", ":a", "-1:a", "²:a", "9" * 30 + ":a"])
def test_other_texts_are_no_position(text: str) -> None:
    with pytest.raises(InvalidSelection):
        parse_position(text)
