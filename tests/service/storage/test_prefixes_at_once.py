"""Whatever happens at once below a prefix, nothing is lost and nobody hears of a deadlock."""

import asyncio
from collections.abc import Sequence

import pytest

from libs.chassis.database import Database
from libs.contracts.problems import AnsweredWithProblem, ServiceUnavailable
from libs.contracts.storage import (
    ApplyChanges,
    ChangesApplied,
    DeleteBucket,
    MovePath,
    MovePrefix,
    PutContent,
    RemovePrefix,
)
from tests.service.storage.bucket import ACTOR, Bucket, digest
from tests.service.storage.planting import plant
from tests.waiting import eventually


def codes(answers: Sequence[object]) -> list[str]:
    """Return what the others than those that were done were refused for."""
    return [
        answer.named if isinstance(answer, AnsweredWithProblem) else repr(answer)
        for answer in answers
        if isinstance(answer, BaseException)
    ]


async def test_one_of_two_moves_of_a_folder_has_it_all(bucket: Bucket, db: Database) -> None:
    for turn in range(5):
        source = f"{turn}/a/"
        await plant(bucket, db, [f"{source}{n:03}" for n in range(300)])

        answers = await asyncio.gather(
            *(
                bucket.change(MovePrefix(source_prefix=source, prefix=f"{turn}/{to}/"))
                for to in "bcd"
            ),
            return_exceptions=True,
        )

        assert codes(answers) == ["prefix-not-found"] * 2
        page = await bucket.list(prefix=f"{turn}/", limit=1000)
        assert len(page.items) == 300
        assert len({file.path.split("/")[1] for file in page.items}) == 1


async def test_opposite_moves_are_made_one_after_the_other(bucket: Bucket, db: Database) -> None:
    names = [f"{n:03}" for n in range(200)]
    await plant(bucket, db, [f"a/{name}" for name in names])
    await plant(bucket, db, [f"b/{name}" for name in names])

    for _ in range(6):
        answers = await asyncio.gather(
            bucket.change(MovePrefix(source_prefix="a/", prefix="b/", overwrite=True)),
            bucket.change(MovePrefix(source_prefix="b/", prefix="a/", overwrite=True)),
            return_exceptions=True,
        )
        assert set(codes(answers)) <= {"prefix-not-found"}

    assert sorted(path.split("/")[1] for path in await bucket.all()) == names


async def test_opposite_orders_of_folders_and_paths_do_not_block_each_other(
    bucket: Bucket,
) -> None:
    names = [f"{n:02}" for n in range(30)]
    for name in names:
        await bucket.put(f"a/{name}", b"x")

    for turn in range(6):
        here, there = ("a", "b") if turn % 2 == 0 else ("b", "a")
        singles = [MovePath(source=f"{here}/{n}", path=f"{there}/{n}") for n in reversed(names)]
        answers = await asyncio.gather(
            bucket.change(MovePrefix(source_prefix=f"{here}/", prefix=f"{there}/")),
            bucket.change(*singles),
            return_exceptions=True,
        )
        assert codes(answers) in (["file-not-found"], ["prefix-not-found"])
        assert sorted(await bucket.all()) == [f"{there}/{name}" for name in names]


async def test_no_upload_is_lost_beside_a_move(bucket: Bucket) -> None:
    names = [f"{n:02}" for n in range(40)]
    for turn in range(4):
        here, there = f"{turn}/", f"{turn + 1}/"
        for name in names[::2]:
            await bucket.put(f"{here}{name}", b"old")
        tickets = [await bucket.begin(f"{here}{name}", b"new") for name in names]

        await asyncio.gather(
            bucket.change(MovePrefix(source_prefix=here, prefix=there, overwrite=True)),
            *(bucket.commit(ticket, b"new") for ticket in tickets),
        )

        found = await bucket.all()
        for name in names:
            places = [found.get(f"{prefix}{name}") for prefix in (here, there)]
            assert digest(b"new") in {place.sha256 for place in places if place}, name
        await bucket.change(RemovePrefix(prefix=here), RemovePrefix(prefix=there), lenient=True)


@pytest.mark.parametrize("ended", [False, True], ids=["new path", "path that had a file"])
async def test_a_path_that_is_expected_free_is_not_both_put_and_moved_to(
    bucket: Bucket, ended: bool
) -> None:
    for turn in range(12):
        here, there = f"{turn}/a/", f"{turn}/b/"
        await bucket.put(f"{here}1", b"moved")
        if ended:
            await bucket.put(f"{there}1", b"ended")
            await bucket.delete(f"{there}1")

        answers = await asyncio.gather(
            bucket.change(MovePrefix(source_prefix=here, prefix=there)),
            bucket.change(
                PutContent(path=f"{there}1", sha256=digest(b"moved"), tags={"by": "put"}),
                expect={f"{there}1": None},
            ),
            return_exceptions=True,
        )

        assert codes(answers) in (["file-exists"], ["precondition-failed"])


async def test_a_bucket_that_is_emptied_by_a_prefix_is_deleted_or_not(
    bucket: Bucket, db: Database
) -> None:
    await plant(bucket, db, [f"{n:04}" for n in range(500)])

    answers = await asyncio.gather(
        bucket.change(RemovePrefix(prefix="")),
        *(bucket.ask(DeleteBucket(name=bucket.name, actor=ACTOR)) for _ in range(5)),
        return_exceptions=True,
    )

    assert isinstance(answers[0], ChangesApplied)
    assert set(codes(answers)) <= {"bucket-not-empty", "bucket-not-found"}


async def test_a_move_whose_caller_left_is_seen_whole_or_not_at_all(
    bucket: Bucket, db: Database
) -> None:
    await plant(bucket, db, [f"a/{n:05}" for n in range(12_000)])

    with pytest.raises(ServiceUnavailable):
        await bucket.ask(
            ApplyChanges(
                bucket=bucket.name,
                actor=ACTOR,
                changes=[MovePrefix(source_prefix="a/", prefix="b/")],
            ),
            timeout_s=0.05,
        )

    async def moved() -> bool:
        here = await bucket.list(prefix="a/", limit=1)
        there = await bucket.list(prefix="b/", limit=1)
        if not here.items and not there.items:
            raise LookupError("the files are nowhere")
        return not here.items

    await eventually(moved, timeout_s=30.0)
    with pytest.raises(AnsweredWithProblem, match="prefix-not-found"):
        await bucket.change(MovePrefix(source_prefix="a/", prefix="c/"))
