"""A bucket that kept no versions for a while, and keeps them again."""

from libs.contracts.storage import DeleteFile, GetFile, UpdateBucket
from libs.contracts.versioning import GetDiff, ListVersions, Restore
from tests.service.storage.bucket import digest
from tests.service.versioning.steps import ANN, Ask, Put, versions


async def test_history_learns_what_files_became_while_nobody_kept_their_versions(
    ask: Ask, bucket: str, put: Put
) -> None:
    await put(bucket, "changed", b"first state of it")
    await put(bucket, "gone", b"not for long")
    await versions(ask, bucket, "gone", 1)
    await ask(UpdateBucket(name=bucket, actor=ANN, versioning="off"))
    await put(bucket, "changed", b"second state of it")
    await put(bucket, "new", b"unheard of")
    await ask(DeleteFile(bucket=bucket, path="gone", actor=ANN))

    await ask(UpdateBucket(name=bucket, actor=ANN, versioning="auto"))

    told = await versions(ask, bucket, "changed", 2)
    assert [(version.version, version.sha256) for version in told] == [
        (2, digest(b"second state of it")),
        (1, digest(b"first state of it")),
    ]
    await versions(ask, bucket, "new", 1)
    assert [version.sha256 for version in await versions(ask, bucket, "gone", 2)] == [
        None,
        digest(b"not for long"),
    ]
    difference = await ask(GetDiff(bucket=bucket, source="main~1", target="now"))
    assert {item.path for item in difference.items} == {"changed", "new", "gone"}


async def test_commits_and_restores_of_such_a_bucket_meet_no_stranger(
    ask: Ask, bucket: str, put: Put
) -> None:
    await put(bucket, "a", b"as it was at first")
    (first,) = await versions(ask, bucket, "a", 1)
    await ask(UpdateBucket(name=bucket, actor=ANN, versioning="off"))
    await put(bucket, "a", b"as nobody recorded it")
    await ask(UpdateBucket(name=bucket, actor=ANN, versioning="auto"))
    await versions(ask, bucket, "a", 2)

    await ask(Restore(bucket=bucket, to=first.commit_id, actor=ANN))
    restored = await ask(GetFile(bucket=bucket, path="a"))
    await ask(Restore(bucket=bucket, to="main~1", actor=ANN))
    again = await ask(GetFile(bucket=bucket, path="a"))

    assert restored.file.sha256 == digest(b"as it was at first")
    assert again.file.sha256 == digest(b"as nobody recorded it")
    assert len((await ask(ListVersions(bucket=bucket, path="a"))).items) == 4
