"""What may not be seen looks as if it were not there; what is public is read by anybody."""

import asyncio
from uuid import uuid4

import httpx

from tests.builders import a_bucket_name
from tests.journeys.callers import CallerWith, calling, give, principal_of, take, told
from tests.waiting import eventually


async def test_what_may_not_be_seen_looks_as_if_it_were_not_there(
    http: httpx.AsyncClient, caller: CallerWith, bucket: str, files: str
) -> None:
    await http.put(f"{files}/a", content=uuid4().bytes)
    stranger, guest = await caller(), await caller()
    await give(http, bucket, principal_of(guest), "reader", "mine/")
    absent = a_bucket_name("absent")

    for call in ("", "/files/a", "/files", "/versions?path=a", "/commits", "/grants"):
        hidden = await stranger.get(f"/api/v1/buckets/{bucket}{call}")
        nothing = await stranger.get(f"/api/v1/buckets/{absent}{call}")
        assert hidden.status_code == nothing.status_code == 404, call
        assert (
            hidden.text.replace(bucket, absent).split('"instance"')[0]
            == (nothing.text.split('"instance"')[0])
        )
        assert told(nothing)["bucket"] == absent

    hidden = await guest.get(f"{files}/a")
    nothing = await guest.get(f"{files}/no-such")
    as_admin = await http.get(f"{files}/no-such")
    assert told(nothing) == told(as_admin)
    assert {**told(hidden), "path": "no-such", "detail": "no-such"} == told(nothing)


async def test_a_public_bucket_is_read_by_anybody_as_it_is_now(
    http: httpx.AsyncClient, caller: CallerWith, bucket: str, files: str
) -> None:
    body = uuid4().bytes
    await http.put(f"{files}/a", content=body)
    one = f"/api/v1/buckets/{bucket}"
    key = await caller("read", "write")
    async with calling(http, None) as anybody:
        before = await anybody.get(f"{files}/a")
        await http.patch(one, json={"public_read": True})

        assert (await anybody.get(f"{files}/a")).content == body
        assert (await anybody.head(f"{files}/a")).status_code == 200
        assert len((await anybody.get(files)).json()["items"]) == 1
        assert (await anybody.get(f"{one}/archive")).content.startswith(b"PK")
        assert (await anybody.get(f"{files}/no-such")).status_code == 404
        for method, call in (
            ("PUT", "/files/a"),
            ("DELETE", "/files/a"),
            ("GET", ""),
            ("GET", "/grants"),
            ("GET", "/commits"),
            ("GET", "/files/a?version=1"),
            ("GET", "/files?ref=main"),
            ("GET", "/versions?path=a"),
            ("POST", "/changes"),
        ):
            answer = await anybody.request(method, f"{one}{call}")
            assert answer.status_code == 401, (method, call)

        assert (await key.get(f"{files}/a")).content == body
        assert (await key.get(one)).json()["public_read"] is True
        assert (await key.get(f"{files}/a?version=1")).status_code == 404
        assert (await key.get(f"{one}/commits")).status_code == 403
        assert (await key.put(f"{files}/a", content=b"x")).status_code == 403

        await http.patch(one, json={"public_read": False})
        after = await anybody.get(f"{files}/a")
        nothing = await anybody.get(f"/api/v1/buckets/{a_bucket_name('absent')}/files/a")

    assert before.status_code == after.status_code == nothing.status_code == 401
    assert told(before) == told(after) == told(nothing)


async def test_everyone_is_everybody_with_a_key(
    http: httpx.AsyncClient, caller: CallerWith, bucket: str, files: str
) -> None:
    await http.put(f"{files}/a", content=uuid4().bytes)
    await give(http, bucket, "everyone", "reader")

    async with calling(http, None) as anybody:
        without = await anybody.get(f"{files}/a")

    assert (await (await caller("read")).get(f"{files}/a")).status_code == 200
    assert without.status_code == 401


async def test_anothers_task_is_not_there(http: httpx.AsyncClient, caller: CallerWith) -> None:
    maker, other = await caller(), await caller()
    task = (await maker.post("/api/v1/progress/tasks", json={"kind": "test.run"})).json()
    one, absent = f"/api/v1/progress/tasks/{task['task_id']}", uuid4()

    hidden = await other.get(one)
    nothing = await other.get(f"/api/v1/progress/tasks/{absent}")
    listed = (await other.get("/api/v1/progress/tasks")).json()["items"]

    assert hidden.status_code == nothing.status_code == 404
    assert {**told(hidden), "detail": str(absent)} == told(nothing)
    assert listed == []
    assert (await other.post(f"{one}/cancel")).status_code == 404
    assert (await other.patch(f"{one}/progress", json={"progress": 1.0})).status_code == 404
    assert (await maker.get(one)).status_code == 200
    assert [one["task_id"] for one in (await maker.get("/api/v1/progress/tasks")).json()["items"]]


async def test_the_platforms_own_workers_take_no_orders_from_outside(
    caller: CallerWith, bucket: str
) -> None:
    order = {"kind": "storage.empty_bucket", "queue": "storage", "args": {"bucket": bucket}}

    answer = await (await caller()).post("/api/v1/progress/tasks", json=order)

    assert answer.status_code == 403


async def test_snapshots_are_their_buckets_owners(
    http: httpx.AsyncClient, caller: CallerWith, bucket: str
) -> None:
    owner, writer = await caller(), await caller()
    await give(http, bucket, principal_of(owner), "owner")
    await give(http, bucket, principal_of(writer), "writer")
    wish = {"bucket": bucket, "target": "no-such-target"}
    snapshots = "/api/v1/backups/snapshots"

    asked = [
        (await each.post(snapshots, json=wish)).json()["type"].rsplit(":", 1)[-1]
        for each in (owner, writer, await caller())
    ]
    lists = [
        (await each.get(snapshots, params={"bucket": bucket})).status_code
        for each in (owner, writer, await caller())
    ]

    assert asked == ["target-not-found", "forbidden", "bucket-not-found"]
    assert lists == [200, 403, 404]
    assert (await owner.get(snapshots)).status_code == 400
    assert (await owner.get(f"{snapshots}/{uuid4()}")).status_code == 404


async def test_many_who_ask_at_once_get_the_same_answer(
    http: httpx.AsyncClient, caller: CallerWith, bucket: str, files: str
) -> None:
    await http.put(f"{files}/a", content=uuid4().bytes)
    guest, stranger = await caller("read"), await caller("read")
    await give(http, bucket, principal_of(guest), "reader")

    answers = await asyncio.gather(
        *(each.get(f"{files}/a") for _ in range(30) for each in (guest, stranger))
    )

    assert [each.status_code for each in answers] == [200, 404] * 30


async def test_a_link_ends_with_the_rights_of_its_maker(
    http: httpx.AsyncClient, caller: CallerWith, bucket: str, files: str
) -> None:
    await http.put(f"{files}/a", content=uuid4().bytes)
    maker = await caller()
    await give(http, bucket, principal_of(maker), "reader")
    links = f"/api/v1/buckets/{bucket}/signed-urls"

    link = (await maker.post(links, json={"method": "GET", "path": "a"})).json()["url"]
    to_write = await maker.post(links, json={"method": "PUT", "path": "a"})

    async with calling(http, None) as anybody:
        assert (await anybody.get(link)).status_code == 200
        await take(http, bucket, principal_of(maker))

        async def refused() -> bool:
            return (await anybody.get(link)).status_code == 404

        await eventually(refused, timeout_s=5)
    assert to_write.status_code == 403
