"""Versions: every state that a file had."""

import pytest

from libs.contracts.problems import AnsweredWithProblem
from libs.contracts.storage import (
    DeleteFile,
)
from libs.contracts.versioning import (
    GetEntry,
    GetVersion,
)
from tests.service.versioning.steps import ANN, Ask, Put, digest, versions


async def test_every_state_of_a_file_is_a_version(ask: Ask, bucket: str, put: Put) -> None:
    await put(bucket, "a/plan.txt", b"one")
    await put(bucket, "a/plan.txt", b"two", actor="key:bob")
    await ask(DeleteFile(bucket=bucket, path="a/plan.txt", actor=ANN))

    newest, second, first = await versions(ask, bucket, "a/plan.txt", 3)

    assert [v.version for v in (first, second, newest)] == [1, 2, 3]
    assert [v.operation for v in (first, second, newest)] == ["put", "put", "delete"]
    assert [v.author for v in (first, second, newest)] == [ANN, "key:bob", ANN]
    assert (first.sha256, second.sha256, newest.sha256) == (digest(b"one"), digest(b"two"), None)


async def test_an_old_version_can_be_read(ask: Ask, bucket: str, put: Put) -> None:
    await put(bucket, "plan.txt", b"one")
    await put(bucket, "plan.txt", b"two")
    _, first = await versions(ask, bucket, "plan.txt", 2)

    entry = await ask(GetVersion(bucket=bucket, path="plan.txt", version=1))
    at_commit = await ask(GetEntry(bucket=bucket, path="plan.txt", ref=first.commit_id))

    assert entry.sha256 == at_commit.sha256 == digest(b"one")
    assert entry.content_type == "text/plain"


async def test_versions_that_are_not_there_are_named(ask: Ask, bucket: str, put: Put) -> None:
    await put(bucket, "plan.txt", b"one")
    await ask(DeleteFile(bucket=bucket, path="plan.txt", actor=ANN))
    await versions(ask, bucket, "plan.txt", 2)

    for version, code in ((2, "version-deleted"), (9, "version-not-found")):
        with pytest.raises(AnsweredWithProblem) as caught:
            await ask(GetVersion(bucket=bucket, path="plan.txt", version=version))
        assert caught.value.named == code
