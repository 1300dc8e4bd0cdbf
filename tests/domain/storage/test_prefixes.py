import pytest

from libs.contracts.paths import InvalidPath
from libs.contracts.storage import (
    MOST_PATHS,
    ApplyChanges,
    Change,
    CopyPrefix,
    MovePrefix,
    RemovePath,
    RemovePrefix,
)
from services.storage.domain.changes import check_changes, digests_of, paths_of
from services.storage.domain.errors import (
    FileExists,
    InvalidPrefix,
    PathChangedTwice,
    PrefixNotFound,
    TooManyFiles,
)
from services.storage.domain.prefixes import (
    MOST_PREFIXES,
    Placing,
    check_found,
    operation_of,
    placed,
    placing,
)


def asking(*changes: Change, **wish: object) -> ApplyChanges:
    return ApplyChanges(bucket="reports", actor="key:test", changes=list(changes), **wish)  # type: ignore[arg-type]


def move(source: str, prefix: str, *, overwrite: bool = False) -> MovePrefix:
    return MovePrefix(source_prefix=source, prefix=prefix, overwrite=overwrite)


def copy(source: str, prefix: str, *, overwrite: bool = False) -> CopyPrefix:
    return CopyPrefix(source_prefix=source, prefix=prefix, overwrite=overwrite)


@pytest.mark.parametrize(
    "change",
    [
        move("a/", "a/"),
        move("a/", "a/b/"),
        move("", "a/"),
        copy("a/", "a/"),
        move("a", "b/"),
        move("a/", "b"),
        RemovePrefix(prefix="a"),
    ],
)
def test_a_prefix_that_cannot_go_there_is_refused(change: Change) -> None:
    with pytest.raises(InvalidPrefix):
        check_changes(asking(change))


@pytest.mark.parametrize("prefix", ["/", "../", "a//b/", "a\nb/", "x" * 1025 + "/"])
def test_a_prefix_below_which_no_file_can_lie_is_refused(prefix: str) -> None:
    with pytest.raises((InvalidPath, InvalidPrefix)):
        check_changes(asking(RemovePrefix(prefix=prefix)))


@pytest.mark.parametrize(
    "changes",
    [
        (RemovePrefix(prefix="a/"), RemovePrefix(prefix="a/")),
        (RemovePrefix(prefix="a/"), RemovePrefix(prefix="a/b/")),
        (RemovePrefix(prefix=""), move("a/", "b/")),
        (move("a/", "b/"), copy("c/", "b/d/")),
        (move("a/", "b/"), copy("a/", "c/")),
        (copy("a/", "b/"), copy("b/", "c/")),
        (RemovePrefix(prefix="a/"), RemovePath(path="a/1")),
        (move("a/", "b/"), RemovePath(path="b/1")),
        (copy("a/", "b/"), RemovePath(path="a/1")),
    ],
)
def test_what_is_read_or_changed_below_a_prefix_is_changed_by_nothing_else(
    changes: tuple[Change, ...],
) -> None:
    with pytest.raises(PathChangedTwice):
        check_changes(asking(*changes))
    with pytest.raises(PathChangedTwice):
        check_changes(asking(*reversed(changes)))


@pytest.mark.parametrize(
    "changes",
    [
        (copy("a/", "b/"), copy("a/", "c/"), RemovePath(path="d")),
        (move("a/b/", "a/"), RemovePrefix(prefix="ab/")),
        (copy("", "all/"),),
        (move("a/", ""),),
    ],
)
def test_prefixes_that_do_not_meet_change_together(changes: tuple[Change, ...]) -> None:
    check_changes(asking(*changes))


def test_one_request_takes_only_so_many_prefixes() -> None:
    changes = [RemovePrefix(prefix=f"{number}/") for number in range(MOST_PREFIXES + 1)]

    check_changes(asking(*changes[1:]))
    with pytest.raises(TooManyFiles):
        check_changes(asking(*changes))


def test_prefixes_name_no_single_path_and_no_bytes() -> None:
    request = asking(move("a/", "b/"), RemovePath(path="c"))
    assert (paths_of(request), digests_of(request)) == (["c"], [])


def test_nothing_below_a_prefix_is_a_failure_unless_it_is_to_go_anyway() -> None:
    check_found(RemovePrefix(prefix="a/"), 0, MOST_PATHS, lenient=True)
    check_found(move("a/", "b/"), 1, 0, lenient=False)
    with pytest.raises(PrefixNotFound):
        check_found(RemovePrefix(prefix="a/"), 0, MOST_PATHS, lenient=False)
    with pytest.raises(PrefixNotFound):
        check_found(move("a/", "b/"), 0, MOST_PATHS, lenient=True)
    with pytest.raises(TooManyFiles):
        check_found(move("a/", "b/"), 1, -1, lenient=False)


def test_each_file_keeps_its_name_below_the_prefix() -> None:
    assert placed(move("a/", "b/c/"), ["a/1", "a/a/2"]) == {"b/c/1": "a/1", "b/c/a/2": "a/a/2"}
    assert placed(copy("a/", ""), ["a/1"]) == {"1": "a/1"}


def test_a_path_that_would_get_too_long_is_named() -> None:
    source = "a/" + "é" * 510

    assert placed(move("a/", "bc/"), [source])
    with pytest.raises(InvalidPath) as refused:
        placed(move("a/", "bcdef/"), ["a/1", source])
    assert refused.value.fields["path"] == source


def test_a_file_is_replaced_only_when_it_is_said() -> None:
    wanted = {"b/1": "a/1", "b/2": "a/2", "b/3": "a/3"}
    standing = {"b/1": True, "b/2": False}

    way = placing(move("a/", "b/", overwrite=True), wanted, standing)
    with pytest.raises(FileExists) as refused:
        placing(move("a/", "b/"), wanted, standing)

    assert way == Placing({"b/2": "a/2", "b/3": "a/3"}, {"b/1": "a/1"}, ["b/2"])
    assert refused.value.fields["path"] == "b/1"


def test_no_file_is_both_a_source_and_replaced() -> None:
    wanted = {"a/b/1": "a/b/b/1", "a/1": "a/b/1"}

    with pytest.raises(PathChangedTwice):
        placing(move("a/b/", "a/", overwrite=True), wanted, {"a/b/1": True})


def test_the_events_say_what_was_done_or_what_the_request_says() -> None:
    change = move("a/", "b/")
    assert operation_of(change, asking(change)) == "move"
    assert operation_of(change, asking(change, operation="restore")) == "restore"
