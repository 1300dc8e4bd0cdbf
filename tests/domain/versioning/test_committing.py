"""What the changes of a commit come to."""

from typing import Any

import pytest
from msgspec.structs import replace

from libs.contracts.problems import Problem
from libs.contracts.storage import CopyPath, MovePath, PathChange, PutContent, RemovePath
from services.versioning.domain.committing import (
    check_expected,
    digests_of,
    paths_read,
    wanted_states,
)
from services.versioning.domain.tree import Entry

ONE = Entry(sha256=b"\1" * 32, size=1, content_type="text/plain", tags={"t": "u"})
TWO = replace(ONE, sha256=b"\2" * 32, size=2)
NOW = {"a": ONE, "b": TWO}


def states(*changes: PathChange, **wish: Any) -> dict[str, Entry | None]:
    return wanted_states(changes, NOW, {"03" * 32: 3}, **({"lenient": False} | wish))


def test_what_is_copied_or_moved_is_what_was_there_before() -> None:
    swapped = states(
        CopyPath(source="a", path="c"),
        MovePath(source="b", path="d"),
        PutContent(path="a", sha256="03" * 32, content_type="text/plain", tags={"t": "u"}),
    )

    three = replace(ONE, sha256=b"\3" * 32, size=3)
    assert swapped == {"c": ONE, "d": TWO, "b": None, "a": three}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ([RemovePath(path="x")], "file-not-found"),
        ([CopyPath(source="x", path="y")], "file-not-found"),
        ([MovePath(source="x", path="y")], "file-not-found"),
        ([RemovePath(path="a"), CopyPath(source="b", path="a")], "path-changed-twice"),
        ([MovePath(source="a", path="a")], "path-changed-twice"),
        ([CopyPath(source="a", path="b//c")], "invalid-path"),
    ],
    ids=["remove", "copy", "move", "twice", "onto-itself", "path"],
)
def test_what_cannot_be_done_is_named(changes: list[PathChange], code: str) -> None:
    with pytest.raises(Problem) as refused:
        states(*changes)

    assert refused.value.code == code


def test_removing_what_is_not_there_may_be_no_failure() -> None:
    assert states(RemovePath(path="x"), lenient=True) == {"x": None}


def test_all_that_decides_is_read() -> None:
    changes: list[PathChange] = [
        MovePath(source="a", path="c"),
        PutContent(path="b", sha256="03" * 32),
        RemovePath(path="d"),
    ]

    assert paths_read(changes, {"e": None}) == ["a", "b", "c", "d", "e"]
    assert digests_of(changes) == ["03" * 32]


@pytest.mark.parametrize(
    "expect",
    [{"a": "02" * 32}, {"a": None}, {"x": "01" * 32}],
    ids=["another", "absent", "there"],
)
def test_a_path_that_is_not_as_expected_is_named(expect: dict[str, str | None]) -> None:
    check_expected({"a": "01" * 32, "x": None}, NOW)

    with pytest.raises(Problem) as refused:
        check_expected(expect, NOW)

    assert (refused.value.code, refused.value.fields["path"]) == (
        "precondition-failed",
        next(iter(expect)),
    )
