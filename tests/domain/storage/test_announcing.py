import msgspec

from libs.contracts.storage import ChangedFile, FileDeleted, FilesChanged, FileStored
from libs.contracts.values import Operation
from services.storage.domain.announcing import (
    FEW,
    MOST_BYTES,
    MOST_FILES,
    Together,
    announce,
    one_by_one,
    packed,
)
from services.storage.domain.changes import Write
from services.storage.domain.files import File
from tests.domain.storage.builders import NOON, a_bucket, a_content, a_digest, a_file


def together(operation: Operation = "move") -> Together:
    return Together(bucket=a_bucket(), operation=operation, actor="key:test", at=NOON)


def stored(path: str, *, moved_from: str | None = None) -> ChangedFile:
    return ChangedFile(
        path=path,
        revision=1,
        sha256=a_digest("x"),
        size=1,
        source=moved_from,
        source_revision=None if moved_from is None else 2,
    )


def written(count: int, operation: Operation = "put") -> tuple[list[Write], list[File]]:
    paths = [f"{number:05}" for number in range(count)]
    return (
        [Write(path=path, content=a_content("x"), operation=operation) for path in paths],
        [a_file(path, "x") for path in paths],
    )


def test_each_of_a_few_writes_is_announced_with_what_the_request_said() -> None:
    writes = [
        Write(path="a", content=a_content("x"), operation="move"),
        Write(path="b", content=None, operation="move"),
    ]
    files = [a_file("a", "x", revision=3), a_file("b", None, revision=9)]

    events = announce(a_bucket(), writes, files, message="tidy up", commit_id="c" * 64)

    there, gone = events
    assert isinstance(there, FileStored)
    assert isinstance(gone, FileDeleted)
    assert (there.path, there.revision, there.sha256) == ("a", 3, a_digest("x"))
    assert (gone.path, gone.revision) == ("b", 9)
    assert {event.message for event in events} == {"tidy up"}
    assert {event.commit_id for event in events} == {"c" * 64}
    assert {event.operation for event in events} == {"move"}


def test_one_more_than_a_few_are_announced_together() -> None:
    few = announce(a_bucket(), *written(FEW))
    (many,) = announce(a_bucket(), *written(FEW + 1))

    assert len(few) == FEW
    assert isinstance(many, FilesChanged)
    assert len(many.changed) == FEW + 1


def test_what_was_done_differently_is_announced_apart() -> None:
    puts, put_files = written(80)
    deletes, delete_files = written(80, "delete")

    events = announce(a_bucket(), [*puts, *deletes], [*put_files, *delete_files])

    assert [event.operation for event in events] == ["put", "delete"]


def test_a_moved_file_is_two_events_or_one_part() -> None:
    there, gone = one_by_one(together(), [stored("b", moved_from="a")])
    (event,) = packed(together(), [stored("b", moved_from="a")])

    assert (type(there), there.path if isinstance(there, FileStored) else "") == (FileStored, "b")
    assert isinstance(gone, FileDeleted)
    assert (gone.path, gone.revision) == ("a", 2)
    assert isinstance(event, FilesChanged)
    assert event.changed == [stored("b", moved_from="a")]


def test_no_event_tells_too_much_and_together_they_tell_all() -> None:
    short = [stored(f"{number}") for number in range(2 * MOST_FILES + 1)]
    long = [stored(f"{number}" + "x" * 1000, moved_from="y" * 1000) for number in range(900)]

    of_short = list(packed(together(), short))
    of_long = list(packed(together(), long))

    sizes = [len(event.changed) for event in of_short if isinstance(event, FilesChanged)]
    assert sizes == [MOST_FILES, MOST_FILES, 1]
    told = [file for event in of_long if isinstance(event, FilesChanged) for file in event.changed]
    assert told == long
    assert max(len(msgspec.json.encode(event)) for event in of_long) < MOST_BYTES + 1_000
