"""Which commits a batch of events becomes."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from libs.contracts.ids import new_id
from libs.contracts.storage import (
    ChangedFile,
    FileDeleted,
    FilesChanged,
    FileStored,
)
from services.versioning.domain.recording import Version, portions, rounds, versions_of
from services.versioning.domain.tree import Entry

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
SAMPLE = Entry(sha256=b"\1" * 32, size=3, content_type="text/plain")


def a_version(path: str = "a.txt", revision: int = 1, **changes: Any) -> Version:
    fields: dict[str, Any] = {
        "operation": "put",
        "author": "key:ann",
        "message": "",
        "created_at": NOON,
        "entry": SAMPLE,
    }
    return Version(path=path, revision=revision, **(fields | changes))


def test_events_of_one_author_share_a_commit() -> None:
    (only,) = rounds([a_version("a"), a_version("b"), a_version("c")])

    assert [version.path for version in only.versions] == ["a", "b", "c"]
    assert only.title() == "put 3 files"


def test_a_path_that_changed_twice_gets_two_commits() -> None:
    first, second = rounds([a_version("a", 1), a_version("b", 1), a_version("a", 2)])

    assert [(v.path, v.revision) for v in first.versions] == [("a", 1), ("b", 1)]
    assert [(v.path, v.revision) for v in second.versions] == [("a", 2)]


def test_authors_and_messages_are_not_mixed() -> None:
    found = rounds(
        [
            a_version("a"),
            a_version("b", author="key:bob"),
            a_version("c"),
            a_version("d", message="as agreed"),
        ]
    )

    assert [(r.author, r.message, len(r.versions)) for r in found] == [
        ("key:ann", "", 2),
        ("key:bob", "", 1),
        ("key:ann", "as agreed", 1),
    ]
    assert found[2].title() == "as agreed"


def test_a_commit_of_several_operations_is_mixed() -> None:
    (only,) = rounds([a_version("a"), a_version("b", operation="delete", entry=None)])

    assert only.operation == "mixed"
    assert only.title() == "change 2 files"


def test_a_commit_is_as_late_as_the_last_of_its_changes() -> None:
    late = NOON + timedelta(seconds=5)

    (only,) = rounds([a_version("a", created_at=late), a_version("b")])

    assert only.committed_at == late


def test_a_late_revision_is_recorded_but_never_becomes_the_state() -> None:
    (only,) = rounds([a_version("a", 4), a_version("b", 1)])

    assert only.states({"a": 5}) == {"b": SAMPLE}


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["ann", "bob"])), max_size=40))
def test_no_state_is_lost_and_each_path_keeps_its_order(changes: list[tuple[str, str]]) -> None:
    versions = [
        a_version(path, number, author=author) for number, (path, author) in enumerate(changes, 1)
    ]

    found = rounds(versions)

    recorded = [version for round_ in found for version in round_.versions]
    assert sorted(v.revision for v in recorded) == [v.revision for v in versions]
    for path in "abc":
        revisions = [v.revision for v in recorded if v.path == path]
        assert revisions == sorted(revisions)
    for round_ in found:
        paths = [version.path for version in round_.versions]
        assert len(paths) == len(set(paths))


def test_events_tell_the_version() -> None:
    told: dict[str, Any] = {
        "bucket": "reports",
        "bucket_id": new_id(),
        "path": "q3.pdf",
        "revision": 7,
        "actor": "key:ann",
        "versioning": "auto",
    }
    stored = FileStored(
        **told,
        sha256="01" * 32,
        size=3,
        content_type="text/plain",
        metadata={},
        tags={},
        operation="put",
    )

    assert [version.entry for version in versions_of(stored)] == [SAMPLE]
    gone = FileDeleted(**told, operation="delete")
    assert [version.entry for version in versions_of(gone)] == [None]


def test_an_event_of_many_files_tells_each_state_and_what_a_move_left_behind() -> None:
    stored = ChangedFile(
        path="b/1", revision=1, sha256="01" * 32, size=3, content_type="text/plain", source="a/1"
    )
    event = FilesChanged(
        bucket="reports",
        bucket_id=new_id(),
        actor="key:ann",
        versioning="auto",
        operation="move",
        changed=[
            replace(stored, source_revision=8),
            replace(stored, path="c/1", revision=4),
            ChangedFile(path="d", revision=2),
        ],
    )

    told = list(versions_of(event))

    assert [(version.path, version.revision, version.entry) for version in told] == [
        ("b/1", 1, SAMPLE),
        ("a/1", 8, None),
        ("c/1", 4, SAMPLE),
        ("d", 2, None),
    ]
    assert rounds(told)[0].title() == "move 2 files"


def test_many_versions_are_recorded_in_portions_that_lose_none() -> None:
    versions = [a_version(f"{number}") for number in range(7)]

    assert [len(portion) for portion in portions(versions, 3)] == [3, 3, 1]
    assert [version for portion in portions(versions, 3) for version in portion] == versions


def test_what_was_meant_to_be_one_commit_stays_together_and_comes_first() -> None:
    meant = [a_version(path, commit_id="c0" * 32) for path in "ab"]

    first, second = rounds([a_version("x"), *meant])

    assert (first.commit_id, first.versions) == ("c0" * 32, meant)
    assert [version.path for version in second.versions] == ["x"]
