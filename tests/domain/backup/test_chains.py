from datetime import timedelta
from uuid import UUID

import pytest
from msgspec import structs

from services.backup.domain import record
from services.backup.domain.errors import SnapshotDamaged
from services.backup.domain.layout import (
    is_data_key,
    is_snapshot_key,
    sealed_at_of,
    snapshot_id_of,
    snapshot_key,
)
from services.backup.domain.record import StoredRecord, first_break, seal_after
from tests.domain.backup.builders import NOON, sha256, stored_record

pytestmark = pytest.mark.domain


def chain_of(length: int) -> list[StoredRecord]:
    chain: list[StoredRecord] = []
    for number in range(length):
        last = chain[-1].link if chain else None
        chain.append(stored_record(number, previous=last, sealed_at=NOON + timedelta(hours=number)))
    return chain


def test_a_record_comes_back_from_its_bytes() -> None:
    stored = stored_record(3, previous=None)

    assert record.decode(stored.record.key, stored.data) == stored


def test_the_name_of_a_record_tells_its_time_and_its_id() -> None:
    key = snapshot_key(NOON, UUID(int=5))

    assert key.startswith("snapshots/20261121t120000.123456z-")
    assert is_snapshot_key(key)
    assert (sealed_at_of(key), snapshot_id_of(key)) == (NOON, UUID(int=5))


@pytest.mark.parametrize("key", ["snapshots/x", "snapshots/20261121t120000z-5", "config"])
def test_other_names_are_no_records(key: str) -> None:
    assert not is_snapshot_key(key)


def test_only_a_digest_in_its_own_folder_is_a_blob() -> None:
    digest = sha256("x")

    assert is_data_key(f"data/{digest[:2]}/{digest}")
    assert not is_data_key(f"data/zz/{digest}")
    assert not is_data_key("data/ab/abc")


def test_a_record_that_lies_under_another_name_is_refused() -> None:
    stored = stored_record(3, previous=None)

    with pytest.raises(SnapshotDamaged):
        record.decode(snapshot_key(NOON, UUID(int=4)), stored.data)


def test_a_later_record_sorts_behind_also_when_the_clock_went_back() -> None:
    last = stored_record(1, previous=None).link

    sealed_at = seal_after(last, NOON - timedelta(days=1))

    assert snapshot_key(sealed_at, UUID(int=0)) > last.key
    assert seal_after(None, NOON) == NOON


@pytest.mark.parametrize("length", [0, 1, 2, 5])
def test_records_that_follow_on_each_other_are_a_whole_chain(length: int) -> None:
    assert first_break(chain_of(length)) == ""


def test_an_altered_record_is_told_by_the_next_one() -> None:
    first, second, third = chain_of(3)
    altered = record.encode(structs.replace(first.record, files=99))

    assert "was altered" in first_break([altered, second, third])


def test_a_record_that_was_taken_out_is_missed() -> None:
    first, _, third = chain_of(3)

    assert first_break([first, third]) != ""


def test_a_first_record_that_was_taken_out_is_missed() -> None:
    _, second, third = chain_of(3)

    assert first_break([second, third]) != ""


def test_a_record_that_was_slipped_in_is_seen() -> None:
    first, second = chain_of(2)
    slipped_in = stored_record(
        9, previous=first.link, sealed_at=first.record.sealed_at + timedelta(minutes=1)
    )

    assert first_break([first, slipped_in, second]) != ""
