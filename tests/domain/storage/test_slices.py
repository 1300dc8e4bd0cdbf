from datetime import UTC, datetime, timedelta

from libs.contracts.ids import new_id
from services.storage.domain.slices import Mark, Span, to_sweep
from services.storage.domain.uploads import begun_at, blob_key
from tests.domain.storage.builders import NOON

LONG_AGO = NOON - timedelta(days=400)


def test_a_sweep_looks_at_new_slices_and_two_days_before() -> None:
    span = to_sweep(Mark(LONG_AGO, NOON), NOON + timedelta(hours=6))
    assert list(span.slices()) == [
        "blobs/2026/11/19",
        "blobs/2026/11/20",
        "blobs/2026/11/21",
    ]


def test_a_sweep_after_a_long_pause_misses_no_day() -> None:
    swept = list(to_sweep(Mark(LONG_AGO, NOON - timedelta(days=40)), NOON).slices())
    assert len(swept) == 43
    assert swept[0] == "blobs/2026/10/10"


def test_the_first_sweep_finds_nothing_old_enough_to_be_its_own() -> None:
    assert list(to_sweep(Mark(NOON, NOON), NOON - timedelta(hours=13)).slices()) == []


def test_what_is_older_than_the_first_sweep_is_left_alone() -> None:
    upload_id = new_id()
    began = begun_at(upload_id)
    later = datetime.now(UTC) + timedelta(days=1)
    assert to_sweep(Mark(began, began), later).holds(blob_key(upload_id))
    after = began + timedelta(milliseconds=1)
    assert not to_sweep(Mark(after, after), later).holds(blob_key(upload_id))


def test_only_what_began_before_the_end_is_old_enough() -> None:
    upload_id = new_id()
    began = begun_at(upload_id)
    assert Span(LONG_AGO, began + timedelta(milliseconds=1)).holds(blob_key(upload_id))
    assert not Span(LONG_AGO, began).holds(blob_key(upload_id))


def test_a_key_that_no_upload_made_is_not_ours() -> None:
    everything = Span(datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
    assert not everything.holds("blobs/2026/11/21/readme")
