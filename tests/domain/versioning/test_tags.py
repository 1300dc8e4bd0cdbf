"""A tag's id vouches for its name, its commit and who gave it."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.versioning.domain import tags
from services.versioning.domain.commits import CommitId
from services.versioning.domain.errors import CorruptTag, TextNotEncodable, UnsupportedFormat
from services.versioning.domain.tags import Tag

pytestmark = pytest.mark.domain

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def a_tag(**changes: Any) -> Tag:
    fields: dict[str, Any] = {
        "name": "v1.0",
        "commit_id": CommitId(b"\x01" * 32),
        "author": "user:ann",
        "tagged_at": datetime(2026, 11, 21, 12, tzinfo=UTC),
        "message": "The first",
        "metadata": {"ticket": "42"},
    }
    return Tag(**fields | changes)


def id_of(tag: Tag) -> bytes:
    return tags.id_of(tags.encode(tag))


any_tag = st.builds(
    Tag,
    name=texts,
    commit_id=st.binary(min_size=32, max_size=32),
    author=texts,
    tagged_at=st.datetimes(timezones=st.just(UTC)),
    message=texts,
    metadata=st.dictionaries(texts, texts, max_size=3),
)


@settings(max_examples=60)
@given(any_tag)
def test_a_tag_comes_back_as_it_was_written(tag: Tag) -> None:
    assert tags.decode(tags.encode(tag)) == tag


@pytest.mark.parametrize(
    "change",
    [
        {"name": "v1.1"},
        {"commit_id": CommitId(b"\x02" * 32)},
        {"author": "user:bob"},
        {"tagged_at": datetime(2026, 11, 21, 12, 0, 0, 1, tzinfo=UTC)},
        {"message": ""},
        {"metadata": {}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_changes_in_a_tag_changes_its_id(change: dict[str, Any]) -> None:
    assert id_of(a_tag(**change)) != id_of(a_tag())


def test_neither_time_zone_nor_order_of_metadata_changes_the_id() -> None:
    elsewhere = datetime(2026, 11, 21, 17, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))

    assert id_of(a_tag(tagged_at=elsewhere)) == id_of(a_tag())
    assert id_of(a_tag(metadata={"a": "1", "b": "2"})) == id_of(
        a_tag(metadata={"b": "2", "a": "1"})
    )


@pytest.mark.parametrize("tag", [a_tag(), a_tag(metadata={})], ids=["metadata", "plain"])
def test_bytes_that_no_writer_makes_are_refused(tag: Tag) -> None:
    data = tags.encode(tag)

    for end in range(1, len(data)):
        if data[:end] != tags.encode(a_tag(metadata={})):
            with pytest.raises(CorruptTag):
                tags.decode(data[:end])
    with pytest.raises(CorruptTag):
        tags.decode(data + b"\x00")
    with pytest.raises(UnsupportedFormat):
        tags.decode(b"\xa2" + data[1:])


def test_a_tag_needs_a_zone_whole_characters_and_a_whole_digest() -> None:
    with pytest.raises(ValueError, match="time zone"):
        tags.encode(a_tag(tagged_at=datetime(2026, 11, 21)))
    with pytest.raises(TextNotEncodable):
        tags.encode(a_tag(message="\ud800"))
    with pytest.raises(ValueError, match="32 bytes"):
        tags.encode(a_tag(commit_id=CommitId(b"\x01")))
