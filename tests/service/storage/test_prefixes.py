"""Everything below a prefix is moved, copied or removed in one transaction."""

from collections.abc import Sequence

from libs.chassis.database import Database
from libs.contracts.storage import (
    CopyPath,
    CopyPrefix,
    FileDeleted,
    FilesChanged,
    FileStored,
    GetBucket,
    MovePrefix,
    RemovePath,
    RemovePrefix,
)
from tests.listening import Events
from tests.service.storage.bucket import Bucket, digest
from tests.service.storage.planting import plant
from tests.service.storage.refusals import refused_as


async def test_a_moved_folder_is_there_as_it_was_and_nowhere_else(bucket: Bucket) -> None:
    await bucket.put("a/1", b"one", tags={"t": "1"}, metadata={"by": "me"})
    await bucket.put("a/deep/2", b"two")
    await bucket.put("ab", b"beside")
    place = (await bucket.get("a/1")).blob

    moved = await bucket.change(MovePrefix(source_prefix="a/", prefix="b/c/"))

    assert (moved.files, moved.changed) == (2, [])
    assert list(await bucket.all()) == ["ab", "b/c/1", "b/c/deep/2"]
    there = await bucket.get("b/c/1")
    assert there.blob == place
    assert (there.file.revision, there.file.tags, there.file.metadata) == (
        1,
        {"t": "1"},
        {"by": "me"},
    )
    assert (await bucket.put("a/1", b"new")).file.revision == 3


async def test_revisions_go_on_wherever_a_folder_is_moved(bucket: Bucket) -> None:
    await bucket.put("a/1")

    for source, prefix in (("a/", "b/"), ("b/", "a/"), ("a/", "b/")):
        await bucket.change(MovePrefix(source_prefix=source, prefix=prefix))

    assert (await bucket.get("b/1")).file.revision == 3
    assert (await bucket.put("a/1")).file.revision == 5


async def test_a_folder_can_be_copied_and_removed(bucket: Bucket) -> None:
    await bucket.put("a/1", b"one")
    await bucket.put("a/2", b"two")

    copied = await bucket.change(CopyPrefix(source_prefix="a/", prefix=""))
    removed = await bucket.change(RemovePrefix(prefix="a/"))

    assert (copied.files, removed.files) == (2, 2)
    assert {path: file.sha256 for path, file in (await bucket.all()).items()} == {
        "1": digest(b"one"),
        "2": digest(b"two"),
    }


async def test_a_folder_is_copied_into_itself_once(bucket: Bucket) -> None:
    await bucket.put("a/1")

    await bucket.change(CopyPrefix(source_prefix="a/", prefix="a/copy/"))
    await bucket.change(CopyPrefix(source_prefix="", prefix="all/"))

    assert list(await bucket.all()) == ["a/1", "a/copy/1", "all/a/1", "all/a/copy/1"]


async def test_files_move_up_within_their_own_folders(bucket: Bucket) -> None:
    await bucket.put("a/b/1", b"one")
    await bucket.put("a/2", b"two")

    await bucket.change(MovePrefix(source_prefix="a/b/", prefix="a/"))
    await bucket.change(MovePrefix(source_prefix="a/", prefix=""))

    assert list(await bucket.all()) == ["1", "2"]


async def test_a_file_that_is_there_is_replaced_only_when_it_is_said(
    bucket: Bucket, db: Database
) -> None:
    await bucket.put("a/1", b"moved")
    await bucket.put("a/2", b"free")
    await bucket.put("b/1", b"there")
    before = await bucket.all()

    with refused_as("file-exists", path="b/1", files=1):
        await bucket.change(MovePrefix(source_prefix="a/", prefix="b/"))
    with refused_as("file-exists", path="b/1"):
        await bucket.change(CopyPrefix(source_prefix="a/", prefix="b/"))
    unchanged = await bucket.all()
    copied = await bucket.change(CopyPrefix(source_prefix="a/", prefix="b/", overwrite=True))
    moved = await bucket.change(MovePrefix(source_prefix="a/", prefix="b/", overwrite=True))

    assert unchanged == before
    assert (copied.files, moved.files) == (2, 2)
    found = await bucket.all()
    assert {path: file.sha256 for path, file in found.items()} == {
        "b/1": digest(b"moved"),
        "b/2": digest(b"free"),
    }
    assert found["b/1"].revision == 2


async def test_what_makes_no_sense_is_refused_by_its_name_and_changes_nothing(
    bucket: Bucket,
) -> None:
    await bucket.put("a/1")
    await bucket.put("a/a/1")
    await bucket.put("a/a/a/1")
    long = "/".join(["x" * 250] * 4) + "/"
    before = await bucket.all()

    with refused_as("invalid-prefix", field="prefix"):
        await bucket.change(MovePrefix(source_prefix="a/", prefix="a/"))
    with refused_as("invalid-prefix", field="prefix"):
        await bucket.change(MovePrefix(source_prefix="a/", prefix="a/b/"))
    with refused_as("invalid-prefix", field="source_prefix"):
        await bucket.change(MovePrefix(source_prefix="a", prefix="b/"))
    with refused_as("invalid-path", field="prefix"):
        await bucket.change(RemovePrefix(prefix="../"))
    with refused_as("invalid-path", field="prefix", path="a/a/1"):
        await bucket.change(MovePrefix(source_prefix="a/", prefix=f"{long}{'y' * 17}/"))
    with refused_as("prefix-not-found", prefix="none/"):
        await bucket.change(RemovePrefix(prefix="none/"))
    with refused_as("path-changed-twice", path="a/1"):
        await bucket.change(RemovePath(path="a/1"), RemovePrefix(prefix="a/"))
    with refused_as("path-changed-twice", prefix="a/a/"):
        await bucket.change(RemovePrefix(prefix="a/"), RemovePrefix(prefix="a/a/"))
    with refused_as("path-changed-twice", path="a/a/1"):
        await bucket.change(MovePrefix(source_prefix="a/a/", prefix="a/", overwrite=True))
    nothing = await bucket.change(RemovePrefix(prefix="none/"), lenient=True)

    assert nothing.files == 0
    assert await bucket.all() == before


async def test_prefixes_and_single_paths_change_together_or_not_at_all(bucket: Bucket) -> None:
    await bucket.put("a/1", b"one")
    await bucket.put("b/2", b"two")
    await bucket.put("single", b"three")
    before = await bucket.all()
    together = (
        MovePrefix(source_prefix="a/", prefix="moved/"),
        CopyPrefix(source_prefix="b/", prefix="copied/"),
        CopyPath(source="a/1", path="kept"),
    )

    with refused_as("precondition-failed", path="single"):
        await bucket.change(*together, RemovePath(path="single"), expect={"single": None})
    with refused_as("file-not-found", path="missing"):
        await bucket.change(*together, RemovePath(path="missing"))
    with refused_as("prefix-not-found", prefix="none/"):
        await bucket.change(*together, RemovePrefix(prefix="none/"))
    unchanged = await bucket.all()
    applied = await bucket.change(
        *together, RemovePath(path="single"), expect={"single": digest(b"three")}
    )

    assert unchanged == before
    assert applied.files == 2
    assert [change.path for change in applied.changed] == ["kept", "single"]
    assert list(await bucket.all()) == ["b/2", "copied/2", "kept", "moved/1"]


async def test_a_few_files_are_announced_one_by_one(bucket: Bucket, events: Events) -> None:
    await bucket.put("a/1", b"one")

    await bucket.change(MovePrefix(source_prefix="a/", prefix="b/"), message="tidy up")

    (there,) = await events.until(
        FileStored, lambda e: e.bucket == bucket.name and e.operation == "move", count=1
    )
    (gone,) = await events.until(FileDeleted, lambda e: e.bucket == bucket.name, count=1)
    assert (there.path, there.revision, there.sha256) == ("b/1", 1, digest(b"one"))
    assert (gone.path, gone.revision, gone.operation) == ("a/1", 2, "move")
    assert {there.message, gone.message} == {"tidy up"}


async def test_many_files_are_announced_in_few_events_that_tell_all(
    bucket: Bucket, db: Database, events: Events
) -> None:
    paths = [f"a/{'x' * 500}/{number:05}" for number in range(7_000)]
    await plant(bucket, db, paths, tags={"kind": "planted"})

    await bucket.change(MovePrefix(source_prefix="a/", prefix="b/"), message="tidy up")
    await bucket.change(CopyPrefix(source_prefix="b/", prefix="c/"))
    await bucket.change(RemovePrefix(prefix="c/"))

    moved = await _told(events, bucket, "move", paths)
    copied = await _told(events, bucket, "copy", paths)
    deleted = await _told(events, bucket, "delete", paths)
    assert [file.source for event in moved for file in event.changed] == paths
    assert {file.source_revision for event in moved for file in event.changed} == {2}
    assert {file.tags["kind"] for event in (*moved, *copied) for file in event.changed} == {
        "planted"
    }
    assert {file.source_revision for event in copied for file in event.changed} == {None}
    assert {file.sha256 for event in deleted for file in event.changed} == {None}
    assert {event.message for event in moved} == {"tidy up"}
    info = await bucket.ask(GetBucket(name=bucket.name))
    async with db.connection() as conn:
        largest = await conn.fetchval(
            "SELECT max(octet_length(payload)) FROM outbox WHERE subject = $1",
            f"file.changed.{bucket.name}",
        )
        notes = await conn.fetchval(
            "SELECT count(*) FROM file_tag WHERE bucket_id = $1", info.bucket_id
        )
    assert largest < 500_000
    assert notes == len(paths)


async def test_a_prefix_of_too_many_files_is_refused(bucket: Bucket, db: Database) -> None:
    await plant(bucket, db, [f"a/{number:06}" for number in range(250_001)])

    with refused_as("too-many-files", prefix="a/", limit=250_000):
        await bucket.change(RemovePrefix(prefix="a/"))


async def _told(
    events: Events, bucket: Bucket, operation: str, paths: Sequence[str]
) -> list[FilesChanged]:
    """Return the events of ``operation``, of which each has different files and not too many."""
    found: list[FilesChanged] = []
    while sum(len(event.changed) for event in found) < len(paths):
        found = await events.until(
            FilesChanged,
            lambda e: e.bucket == bucket.name and e.operation == operation,
            count=len(found) + 1,
        )
    assert max(len(event.changed) for event in found) <= 1_000
    assert len({file.path for event in found for file in event.changed}) == len(paths)
    return found
