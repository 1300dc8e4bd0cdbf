"""Which records a gateway does not believe after a request."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from libs.contracts.base import REQUESTS, Request
from libs.contracts.storage import (
    BlobPlace,
    CommitUpload,
    DeleteBucket,
    DeleteFile,
    FileInfo,
    FileOutcome,
    FilePut,
    FilesPut,
    GetFile,
    NewFile,
    PutFiles,
)
from libs.contracts.versioning import Restore
from services.gateway.cache import touched as tables
from services.gateway.cache.touched import ALL, NOTHING, Touched, touched

SHA = "0" * 64


def a_file(path: str, revision: int = 2) -> FileInfo:
    return FileInfo(
        bucket="reports",
        path=path,
        revision=revision,
        sha256=SHA,
        size=1,
        content_type="text/plain",
        metadata={},
        tags={},
        modified_at=datetime.now(UTC),
        modified_by="key:a",
    )


def a_new_file(path: str) -> NewFile:
    blob = BlobPlace(blob_id=uuid4(), key="blobs/x", size=1, sha256=SHA)
    return NewFile(bucket="reports", path=path, actor="key:a", blob=blob)


def test_every_request_of_storage_and_versioning_stands_in_one_table() -> None:
    named = [
        *tables.CHANGES_NO_FILE,
        *tables.CHANGES_A_BUCKET,
        *tables.CHANGES_FILES,
        *tables.TELLS_OF_FILES,
    ]

    asked = {request for request in REQUESTS.values() if request.owner in ("storage", "versioning")}

    assert {request.__name__ for request in asked} == {request.__name__ for request in named}
    assert len(named) == len(set(named))


@pytest.mark.parametrize(
    "request_type", sorted(tables.CHANGES_A_BUCKET, key=str), ids=lambda request: request.__name__
)
def test_what_changes_a_bucket_names_it(request_type: type[Request[Any]]) -> None:
    assert {"bucket", "name"} & set(request_type.__struct_fields__)


def test_a_delete_touches_its_file_whatever_is_answered() -> None:
    request = DeleteFile(bucket="reports", path="a", actor="key:a")

    assert touched(request, None) == Touched(places=[("reports", "a")])


def test_a_read_touches_nothing() -> None:
    assert touched(GetFile(bucket="reports", path="a"), None) == NOTHING


def test_files_that_were_given_together_are_touched_even_if_nobody_answered() -> None:
    request = PutFiles(files=[a_new_file("a"), a_new_file("b")])

    assert touched(request, None).places == [("reports", "a"), ("reports", "b")]


def test_a_commit_touches_what_its_answer_names_and_everything_without_one() -> None:
    request = CommitUpload(upload_id=uuid4(), sha256=SHA, size=1)

    assert touched(request, FilePut(visible=a_file("a"))).places == [("reports", "a")]
    assert touched(request, FilePut()) == NOTHING
    assert touched(request, None) == ALL


def test_the_first_state_of_a_path_touches_nothing() -> None:
    """There was nothing to remember, and that a file is absent is never remembered."""
    commit = CommitUpload(upload_id=uuid4(), sha256=SHA, size=1)
    together = PutFiles(files=[a_new_file("new"), a_new_file("old")])
    puts = [FilePut(visible=a_file("new", 1)), FilePut(visible=a_file("old", 7))]

    assert touched(commit, puts[0]) == NOTHING
    outcomes = FilesPut(outcomes=[FileOutcome(put=put) for put in puts])
    assert touched(together, outcomes).places == [("reports", "old")]


def test_changes_of_many_files_touch_their_bucket() -> None:
    assert touched(DeleteBucket(name="reports", actor="key:a"), None).bucket == "reports"
    assert touched(Restore(bucket="reports", to="main", actor="key:a"), None).bucket == "reports"
