from collections.abc import Sequence

import pytest

from libs.contracts.labels import InvalidContentType, InvalidLabels
from libs.contracts.paths import InvalidPath
from libs.contracts.storage import (
    ApplyChanges,
    Change,
    CopyPath,
    MovePath,
    PutContent,
    RemovePath,
)
from libs.contracts.values import Operation
from services.storage.domain.changes import (
    Write,
    check_changes,
    digests_of,
    paths_of,
    plan,
)
from services.storage.domain.errors import (
    ContentNotFound,
    FileNotFound,
    PathChangedTwice,
    PreconditionFailed,
)
from services.storage.domain.files import File
from tests.domain.storage.builders import a_blob, a_content, a_digest, a_file


def asking(
    *changes: Change,
    expect: dict[str, str | None] | None = None,
    lenient: bool = False,
    operation: Operation | None = None,
) -> ApplyChanges:
    return ApplyChanges(
        bucket="reports",
        actor="key:test",
        changes=list(changes),
        expect=expect or {},
        lenient=lenient,
        operation=operation,
    )


def planned(request: ApplyChanges, *files: File, held: Sequence[str] = ()) -> list[Write]:
    check_changes(request)
    blobs = {a_digest(text): a_blob(text) for text in held}
    return plan(request, {file.path: file for file in files}, blobs)


def put(path: str, text: str) -> PutContent:
    return PutContent(path=path, sha256=a_digest(text))


def test_a_put_points_at_bytes_that_the_bucket_holds() -> None:
    (write,) = planned(asking(put("a", "new")), a_file("a", "old"), held=["new"])
    assert write == Write(path="a", content=a_content("new"), operation="put")


def test_a_put_of_unknown_bytes_names_its_path() -> None:
    with pytest.raises(ContentNotFound) as refused:
        planned(asking(put("a", "x"), put("b", "y")), held=["x"])
    assert refused.value.fields["path"] == "b"


def test_a_put_of_what_is_there_changes_nothing() -> None:
    assert planned(asking(put("a", "same")), a_file("a", "same"), held=["same"]) == []


def test_a_put_with_other_tags_changes_something() -> None:
    change = PutContent(path="a", sha256=a_digest("same"), tags={"k": "v"})
    (write,) = planned(asking(change), a_file("a", "same"), held=["same"])
    assert write.content == a_content("same", tags={"k": "v"})


def test_a_put_onto_a_deleted_path_brings_it_back() -> None:
    (write,) = planned(asking(put("a", "x")), a_file("a", None, revision=4), held=["x"])
    assert write.content == a_content("x")


def test_a_delete_removes() -> None:
    (write,) = planned(asking(RemovePath(path="a")), a_file("a"))
    assert write == Write(path="a", content=None, operation="delete")


@pytest.mark.parametrize("files", [[], [a_file("a", None)]])
def test_a_delete_of_what_is_not_there_fails_unless_lenient(files: list[File]) -> None:
    with pytest.raises(FileNotFound) as refused:
        planned(asking(RemovePath(path="a")), *files)
    assert refused.value.fields["path"] == "a"
    assert planned(asking(RemovePath(path="a"), lenient=True), *files) == []


def test_a_copy_takes_everything_along_but_the_name() -> None:
    (write,) = planned(asking(CopyPath(source="a", path="b")), a_file("a", "x"))
    assert write == Write(path="b", content=a_content("x"), operation="copy")


def test_a_copy_onto_itself_changes_nothing() -> None:
    assert planned(asking(CopyPath(source="a", path="a")), a_file("a", "x")) == []


def test_a_move_stores_there_and_removes_here() -> None:
    writes = planned(asking(MovePath(source="b", path="a")), a_file("b", "x"))
    assert writes == [
        Write(path="a", content=a_content("x"), operation="move"),
        Write(path="b", content=None, operation="move"),
    ]


@pytest.mark.parametrize("change", [CopyPath(source="a", path="b"), MovePath(source="a", path="b")])
def test_a_source_that_is_not_there_fails_even_when_lenient(change: Change) -> None:
    with pytest.raises(FileNotFound):
        planned(asking(change, lenient=True), a_file("b"))


def test_sources_are_read_as_they_were_before() -> None:
    writes = planned(
        asking(CopyPath(source="a", path="c"), put("a", "new")), a_file("a", "old"), held=["new"]
    )
    assert [(write.path, write.content) for write in writes] == [
        ("a", a_content("new")),
        ("c", a_content("old")),
    ]


def test_two_files_can_be_exchanged_by_copies() -> None:
    writes = planned(
        asking(CopyPath(source="a", path="b"), CopyPath(source="b", path="a")),
        a_file("a", "A"),
        a_file("b", "B"),
    )
    assert [write.content for write in writes] == [a_content("B"), a_content("A")]


@pytest.mark.parametrize(
    "changes",
    [
        [RemovePath(path="a"), RemovePath(path="a")],
        [put("a", "x"), RemovePath(path="a")],
        [MovePath(source="a", path="a")],
        [MovePath(source="a", path="b"), put("b", "x")],
        [MovePath(source="a", path="b"), RemovePath(path="a")],
        [MovePath(source="a", path="b"), MovePath(source="b", path="c")],
    ],
)
def test_a_path_that_is_changed_twice_is_refused(changes: list[Change]) -> None:
    with pytest.raises(PathChangedTwice):
        check_changes(asking(*changes))


@pytest.mark.parametrize(
    ("request_", "failure"),
    [
        (asking(put("../a", "x")), InvalidPath),
        (asking(CopyPath(source="a//b", path="c")), InvalidPath),
        (asking(MovePath(source="a", path="c/")), InvalidPath),
        (asking(RemovePath(path="a"), expect={"a\nb": None}), InvalidPath),
        (
            asking(PutContent(path="a", sha256=a_digest("x"), content_type="x\r\ny")),
            InvalidContentType,
        ),
        (asking(PutContent(path="a", sha256=a_digest("x"), tags={"k": "\n"})), InvalidLabels),
    ],
)
def test_bad_names_are_refused_before_anything_is_looked_at(
    request_: ApplyChanges, failure: type[Exception]
) -> None:
    with pytest.raises(failure):
        check_changes(request_)


@pytest.mark.parametrize(
    ("expected", "text"), [(a_digest("x"), "x"), (None, None)], ids=["content", "no file"]
)
def test_changes_go_on_when_the_bucket_is_as_expected(
    expected: str | None, text: str | None
) -> None:
    request = asking(put("b", "y"), expect={"a": expected})
    assert len(planned(request, a_file("a", text), held=["y"])) == 1


@pytest.mark.parametrize(
    ("expected", "text"), [(a_digest("x"), "y"), (a_digest("x"), None), (None, "y")]
)
def test_one_unexpected_file_refuses_all(expected: str | None, text: str | None) -> None:
    request = asking(put("b", "y"), expect={"a": expected})
    with pytest.raises(PreconditionFailed) as refused:
        planned(request, a_file("a", text), held=["y"])
    assert refused.value.fields["path"] == "a"


def test_what_matters_is_every_path_that_is_named_once_and_in_order() -> None:
    request = asking(
        MovePath(source="m", path="z"),
        CopyPath(source="a", path="c"),
        expect={"e": None, "a": None},
    )
    assert paths_of(request) == ["a", "c", "e", "m", "z"]


def test_digests_are_those_of_puts() -> None:
    assert digests_of(asking(put("a", "x"), put("b", "x"), RemovePath(path="c"))) == [a_digest("x")]


def test_the_request_may_say_what_the_events_are_to_say() -> None:
    writes = planned(asking(RemovePath(path="a"), operation="restore"), a_file("a"))
    assert writes[0].operation == "restore"


def test_writes_come_in_the_byte_order_of_paths() -> None:
    names = ["\U0001f600", "z", "a/b", "a", "a-b", "é", "Z"]
    writes = planned(asking(*(put(name, "x") for name in names)), held=["x"])
    paths = [write.path for write in writes]
    assert paths == sorted(names, key=str.encode)
