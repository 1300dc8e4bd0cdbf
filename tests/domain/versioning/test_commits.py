"""A commit's id vouches for everything in it."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.versioning.domain import commits, tree
from services.versioning.domain.commits import Commit, CommitId
from services.versioning.domain.errors import TextNotEncodable

pytestmark = pytest.mark.domain

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
digests = st.binary(min_size=32, max_size=32)


def a_commit(**changes: Any) -> Commit:
    fields: dict[str, Any] = {
        "tree": tree.EMPTY.node_id,
        "parents": (CommitId(b"\x01" * 32),),
        "author": "user:ann",
        "committed_at": datetime(2026, 11, 21, 12, tzinfo=UTC),
        "operation": "put",
        "message": "Add the report",
        "metadata": {"ticket": "42"},
    }
    return Commit(**fields | changes)


def id_of(commit: Commit) -> CommitId:
    return commits.id_of(commits.encode(commit))


any_commit = st.builds(
    Commit,
    tree=digests,
    parents=st.lists(digests, max_size=3).map(tuple),
    author=texts,
    committed_at=st.datetimes(timezones=st.just(UTC)),
    operation=texts,
    message=texts,
    metadata=st.dictionaries(texts, texts, max_size=3),
)


@settings(max_examples=60)
@given(any_commit)
def test_a_commit_comes_back_as_it_was_written(commit: Commit) -> None:
    data = commits.encode(commit)

    assert commits.decode(commits.id_of(data), data) == commit


@pytest.mark.parametrize(
    "change",
    [
        {"tree": b"\x02" * 32},
        {"parents": ()},
        {"author": "user:bob"},
        {"committed_at": datetime(2026, 11, 21, 12, 0, 0, 1, tzinfo=UTC)},
        {"operation": "delete"},
        {"message": ""},
        {"metadata": {}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_changes_in_a_commit_changes_its_id(change: dict[str, Any]) -> None:
    assert id_of(a_commit(**change)) != id_of(a_commit())


def test_neither_time_zone_nor_order_of_metadata_changes_the_id() -> None:
    elsewhere = datetime(2026, 11, 21, 17, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))

    assert id_of(a_commit(committed_at=elsewhere)) == id_of(a_commit())
    assert id_of(a_commit(metadata={"a": "1", "b": "2"})) == id_of(
        a_commit(metadata={"b": "2", "a": "1"})
    )


def test_a_commit_that_cannot_be_written_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        commits.encode(a_commit(committed_at=datetime(2026, 1, 1)))
    with pytest.raises(ValueError, match="32 bytes"):
        commits.encode(a_commit(tree=b"short"))
    with pytest.raises(TextNotEncodable):
        commits.encode(a_commit(message="\ud800"))
