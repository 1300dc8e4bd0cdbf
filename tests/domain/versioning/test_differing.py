"""Moves among what differs: bytes that are gone here and new there."""

from hypothesis import given
from hypothesis import strategies as st

from services.versioning.domain.differing import Differing, with_moves
from services.versioning.domain.tree import Delta, Entry


def entry(content: str, **metadata: str) -> Entry:
    return Entry(content.encode().ljust(32, b"."), len(content), "text/plain", metadata)


def gone(path: str, content: str) -> Delta:
    return Delta(path, entry(content), None)


def new(path: str, content: str, **metadata: str) -> Delta:
    return Delta(path, None, entry(content, **metadata))


def moves(*deltas: Delta) -> dict[str, str | None]:
    found = with_moves(sorted(deltas, key=lambda delta: delta.path))
    return {one.path: one.moved_from for one in found if one.kind == "moved"}


def test_a_file_has_moved_when_its_bytes_have() -> None:
    (found,) = with_moves([gone("a", "one"), new("b", "one")])

    assert found == Differing("b", entry("one"), entry("one"), "a")
    assert (found.kind, found.told().described) == ("moved", False)


def test_a_moved_file_may_be_described_otherwise() -> None:
    (found,) = with_moves([gone("a", "one"), new("b", "one", owner="ann")])

    assert (found.kind, found.told().described) == ("moved", True)


def test_other_bytes_are_another_file() -> None:
    found = with_moves([gone("a", "one"), new("b", "two")])

    assert [(one.kind, one.path) for one in found] == [("removed", "a"), ("added", "b")]


def test_a_copy_of_what_stays_is_new() -> None:
    changed = Delta("a", entry("one"), entry("two"))

    found = with_moves([changed, new("b", "one")])

    assert [one.kind for one in found] == ["changed", "added"]


def test_of_equal_files_those_of_one_name_belong_together() -> None:
    assert moves(
        gone("old/a", "same"), gone("old/b", "same"), new("new/a", "same"), new("new/b", "same")
    ) == {"new/a": "old/a", "new/b": "old/b"}
    assert moves(gone("x/2", "same"), gone("y/1", "same"), new("z/1", "same")) == {"z/1": "y/1"}


def test_the_others_follow_the_order_of_paths() -> None:
    assert moves(
        gone("a", "same"), gone("b", "same"), gone("c", "same"), new("p", "same"), new("q", "same")
    ) == {"p": "a", "q": "b"}


CONTENTS = st.sampled_from(["one", "two", "three"])
TREES = st.dictionaries(st.sampled_from([f"{d}/{n}" for d in "abc" for n in "123"]), CONTENTS)


@given(TREES, TREES)
def test_nothing_is_lost_and_nothing_told_twice(
    before: dict[str, str], after: dict[str, str]
) -> None:
    paths = sorted(before.keys() | after.keys())
    deltas = [
        Delta(
            path,
            entry(before[path]) if path in before else None,
            entry(after[path]) if path in after else None,
        )
        for path in paths
        if before.get(path) != after.get(path)
    ]

    found = with_moves(deltas)

    state = dict(before)
    for one in found:
        state.pop(one.moved_from or one.path, None)
    for one in found:
        if one.after is not None:
            state[one.path] = after[one.path]
    assert state == after
    assert [one.path for one in found] == sorted(one.path for one in found)
    left = {
        kind: {(one.before or one.after).sha256 for one in found if one.kind == kind}  # type: ignore[union-attr]
        for kind in ("added", "removed")
    }
    assert left["added"].isdisjoint(left["removed"])
