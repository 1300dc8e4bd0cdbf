from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from libs.contracts.ids import new_id
from libs.contracts.storage import CommitUpload
from services.storage.domain.arrivals import Committed
from services.storage.domain.errors import (
    BucketClosing,
    BucketNotFound,
    UploadCommitted,
    UploadExpired,
)
from services.storage.domain.uploads import begun_at, blob_key, upload_of_key
from tests.domain.storage.builders import NOON, a_bucket, a_digest, an_upload

COMMITTED = Committed(sha256=a_digest("x"), size=1, revision=7, created=False, at=NOON)


def test_a_key_is_sliced_by_the_day_its_upload_began() -> None:
    upload_id = UUID("01a20046-cd33-7597-9575-1fb50aacd1d8")
    assert blob_key(upload_id) == f"blobs/2026/11/21/{upload_id}"
    assert upload_of_key(blob_key(upload_id)) == upload_id


def test_an_id_knows_when_it_was_made() -> None:
    assert abs(begun_at(new_id()) - datetime.now(UTC)) < timedelta(seconds=5)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "blobs/2026/11/21/readme",
        "blobs/2026/11/22/01a20046-cd33-7597-9575-1fb50aacd1d8",
        "blobs/01a20046-cd33-7597-9575-1fb50aacd1d8",
        "blobs/2026/11/21/f3283462-86fb-4b24-8c01-5e9bf38b4c4f",
        "blobs/2026/11/21/ffffffff-ffff-7fff-bfff-ffffffffffff",
        "blobs/2026/11/21/01A20046-CD33-7597-9575-1FB50AACD1D8",
    ],
)
def test_a_key_that_no_upload_made_is_nobodys(key: str) -> None:
    assert upload_of_key(key) is None


def test_an_upload_in_time_into_an_open_bucket_may_be_committed() -> None:
    an_upload().check_committable()


def test_an_expired_upload_is_gone() -> None:
    with pytest.raises(UploadExpired):
        an_upload(expired=True).check_committable()


def test_a_bucket_that_is_being_emptied_takes_no_upload() -> None:
    with pytest.raises(BucketClosing):
        an_upload(a_bucket("closing")).check_committable()


def test_a_deleted_bucket_takes_no_upload() -> None:
    with pytest.raises(BucketNotFound):
        an_upload(a_bucket("deleted")).check_committable()


def test_a_commit_that_is_repeated_gets_the_same_answer() -> None:
    upload = an_upload(committed=COMMITTED)
    request = CommitUpload(upload_id=upload.upload_id, sha256=COMMITTED.sha256, size=1)

    assert upload.repeat(COMMITTED, request) == upload.arrival(request).answer(COMMITTED)


@pytest.mark.parametrize(("sha256", "size"), [(a_digest("y"), 1), (a_digest("x"), 2)])
def test_a_commit_cannot_be_repeated_with_other_bytes(sha256: str, size: int) -> None:
    upload = an_upload(committed=COMMITTED)
    with pytest.raises(UploadCommitted):
        upload.repeat(COMMITTED, CommitUpload(upload_id=upload.upload_id, sha256=sha256, size=size))


def test_the_event_of_a_commit_tells_what_its_answer_tells() -> None:
    upload = an_upload()
    request = CommitUpload(upload_id=upload.upload_id, sha256=COMMITTED.sha256, size=1)

    arrival = upload.arrival(request)
    event, answer = arrival.stored(COMMITTED), arrival.answer(COMMITTED)

    assert (event.path, event.revision, event.sha256) == ("q3.pdf", 7, a_digest("x"))
    assert event.occurred_at == answer.file.modified_at == NOON
    assert event.operation == "put"
    assert event.bucket_id == upload.bucket.bucket_id
