"""Which commits a batch of events becomes."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.ids import new_id
from libs.contracts.storage import FileDeleted, FileStored
from services.versioning.domain.recording import Version, rounds, version_of
from services.versioning.domain.restoring import PART_BYTES, parts_of, wanted_changes
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

    assert version_of(stored).entry == SAMPLE
    assert version_of(FileDeleted(**told, operation="delete")).entry is None


def test_what_storage_is_asked_fits_into_messages() -> None:
    states = {f"{'p' * 900}/{number:05}": SAMPLE for number in range(2_000)}

    parts = list(parts_of(wanted_changes(states)))

    assert sum(len(part) for part in parts) == len(states)
    assert max(len(part) for part in parts) * 1_000 < PART_BYTES * 1.2
    assert [change.path for part in parts for change in part] == sorted(states)
