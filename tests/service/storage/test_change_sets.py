"""Changes that come in parts and are applied together."""

from collections.abc import Awaitable, Callable

from libs.chassis.database import Database
from libs.contracts.ids import new_id
from libs.contracts.storage import AddChanges, PathChange, PutContent, RemovePath
from services.storage import loops
from tests.service.storage.bucket import Making, digest
from tests.service.storage.refusals import refused_as

DbOf = Callable[[str], Awaitable[Database]]


async def test_parts_are_applied_together_whatever_their_order(a_bucket_with: Making) -> None:
    bucket = await a_bucket_with()
    body = bucket.name.encode()
    await bucket.put("seed", body)
    set_id = new_id()
    parts: list[list[PathChange]] = [
        [PutContent(path="a", sha256=digest(body))],
        [RemovePath(path="seed"), PutContent(path="b", sha256=digest(body))],
    ]

    for number in (1, 0, 1):  # a part that comes again is there already
        await bucket.ask(
            AddChanges(change_set_id=set_id, bucket=bucket.name, part=number, changes=parts[number])
        )
    before = await bucket.all()
    applied = await bucket.change(change_set_id=set_id, expect={"seed": digest(body)})

    assert before.keys() == {"seed"}
    assert (await bucket.all()).keys() == {"a", "b"}
    assert ([one.path for one in applied.changed], applied.truncated) == (["a", "b", "seed"], False)


async def test_what_one_part_expects_refuses_all(a_bucket_with: Making) -> None:
    bucket = await a_bucket_with()
    body = bucket.name.encode()
    await bucket.put("seed", body)
    set_id = new_id()
    puts: list[PathChange] = [PutContent(path="a", sha256=digest(body))]
    ask = AddChanges(change_set_id=set_id, bucket=bucket.name, part=0, changes=puts)
    await bucket.ask(ask)
    await bucket.ask(
        AddChanges(change_set_id=set_id, bucket=bucket.name, part=1, expect={"seed": None})
    )

    with refused_as("precondition-failed"):
        await bucket.change(change_set_id=set_id)

    assert (await bucket.all()).keys() == {"seed"}


async def test_a_set_is_applied_once_and_only_where_it_was_meant(a_bucket_with: Making) -> None:
    bucket, other = await a_bucket_with(), await a_bucket_with()
    body = bucket.name.encode()
    await bucket.put("seed", body)
    set_id = new_id()
    puts: list[PathChange] = [PutContent(path="a", sha256=digest(body))]
    await bucket.ask(AddChanges(change_set_id=set_id, bucket=bucket.name, part=0, changes=puts))

    with refused_as("change-set-not-found"):
        await other.change(change_set_id=set_id)
    await bucket.change(change_set_id=set_id)
    with refused_as("change-set-not-found"):
        await bucket.change(change_set_id=set_id)


async def test_a_set_without_one_of_its_parts_is_not_applied(a_bucket_with: Making) -> None:
    bucket = await a_bucket_with()
    set_id = new_id()
    await bucket.ask(
        AddChanges(change_set_id=set_id, bucket=bucket.name, part=1, changes=[RemovePath(path="a")])
    )

    with refused_as("change-set-not-found"):
        await bucket.change(change_set_id=set_id)
    with refused_as("no-changes"):
        await bucket.change()


async def test_a_set_that_nobody_applies_is_forgotten_after_an_hour(
    a_bucket_with: Making, db_of: DbOf
) -> None:
    bucket, storage = await a_bucket_with(), await db_of("storage")
    old, young = new_id(), new_id()
    for set_id in (old, young):
        part = AddChanges(
            change_set_id=set_id, bucket=bucket.name, part=0, changes=[RemovePath(path="a")]
        )
        await bucket.ask(part)
    async with storage.connection() as conn:
        await conn.execute(
            """
            UPDATE change_set_part
            SET added_at = now() - interval '61 minutes'
            WHERE change_set_id = $1
            """,
            old,
        )

    await loops.sweep_change_sets(storage)

    with refused_as("change-set-not-found"):
        await bucket.change(change_set_id=old)
    await bucket.change(change_set_id=young, lenient=True)
