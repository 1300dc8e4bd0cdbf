"""Who may do what: grants on buckets and folders, for keys, users, groups and everyone."""

from uuid import uuid4

import httpx
import pytest

from tests.builders import a_bucket_name
from tests.journeys.callers import CallerWith, Json, give, principal_of, take, told


async def why(client: httpx.AsyncClient, bucket: str, **asked: object) -> Json:
    answer = await client.post(f"/api/v1/buckets/{bucket}/access-checks", json=asked)
    assert answer.status_code == 200, answer.text
    checked: Json = answer.json()
    return checked


async def test_who_creates_a_bucket_owns_it_and_nobody_else_sees_it(
    caller: CallerWith,
) -> None:
    maker, other = await caller(), await caller()
    name = a_bucket_name("own")

    created = await maker.post("/api/v1/buckets", json={"name": name})
    grants = (await maker.get(f"/api/v1/buckets/{name}/grants")).json()["items"]

    assert created.status_code == 201
    assert [(one["principal"], one["prefix"], one["role"]) for one in grants] == [
        (principal_of(maker), "", "owner")
    ]
    assert (await maker.patch(f"/api/v1/buckets/{name}", json={})).status_code == 200
    seen = {one["name"] for one in (await other.get("/api/v1/buckets?limit=1000")).json()["items"]}
    assert name not in seen
    assert (await other.get(f"/api/v1/buckets/{name}")).status_code == 404
    assert (await maker.delete(f"/api/v1/buckets/{name}")).status_code == 204


async def test_a_key_acts_for_its_user_and_groups(
    http: httpx.AsyncClient, caller: CallerWith, bucket: str, files: str
) -> None:
    name = f"ann-{uuid4()}"
    ann = await caller(user=name, groups=[f"{name}-group"])
    also_ann = await caller("read", user=name)
    made = a_bucket_name("ann")

    await give(http, bucket, f"group:{name}-group", "writer")
    put = await ann.put(f"{files}/a", content=uuid4().bytes)
    await ann.post("/api/v1/buckets", json={"name": made})

    me = (await ann.get("/api/v1/me")).json()
    assert (me["user"], me["groups"], me["actor"]) == (name, [f"{name}-group"], f"user:{name}")
    assert put.status_code == 201
    assert put.json()["modified_by"] == f"user:{name}"
    assert (await also_ann.get(f"/api/v1/buckets/{made}/grants")).status_code == 200
    assert (await also_ann.get(f"{files}/a")).status_code == 404


async def test_roles_allow_what_they_say(
    http: httpx.AsyncClient, caller: CallerWith, bucket: str, files: str
) -> None:
    await http.put(f"{files}/a", content=uuid4().bytes)
    reader, writer, owner = await caller(), await caller(), await caller()
    for client, role in ((reader, "reader"), (writer, "writer"), (owner, "owner")):
        await give(http, bucket, principal_of(client), role)

    reads = [(await each.get(f"{files}/a")).status_code for each in (reader, writer, owner)]
    writes = [
        (await each.put(f"{files}/a", content=uuid4().bytes)).status_code
        for each in (reader, writer, owner)
    ]
    manages = [
        (await each.patch(f"/api/v1/buckets/{bucket}", json={})).status_code
        for each in (reader, writer, owner)
    ]

    assert reads == [200, 200, 200]
    assert writes == [403, 200, 200]
    assert manages == [403, 403, 200]


async def test_a_scope_caps_what_was_granted(
    http: httpx.AsyncClient, caller: CallerWith, bucket: str, files: str
) -> None:
    key = await caller("read")
    await give(http, bucket, principal_of(key), "owner")

    answer = await key.put(f"{files}/a", content=b"x")
    checked = await why(key, bucket, action="write", path="a")

    assert answer.status_code == 403
    assert answer.json()["needs"] == "write"
    assert checked["allowed"] is False
    assert checked["rule"] == {"kind": "scope", "scope": "write"}


async def test_a_grant_on_a_folder_is_about_what_lies_below_it(
    http: httpx.AsyncClient, caller: CallerWith, bucket: str, files: str
) -> None:
    for path in ("reports/a", "reports-of-others/a", "b"):
        await http.put(f"{files}/{path}", content=uuid4().bytes)
    key = await caller()
    await give(http, bucket, principal_of(key), "writer", "reports/")

    async def status(method: str, path: str, **more: str) -> int:
        return (await key.request(method, f"{files}{path}", params=more)).status_code

    assert await status("GET", "/reports/a") == 200
    assert await status("GET", "", prefix="reports/") == 200
    assert await status("GET", "", prefix="reports/2026") == 200
    assert (await key.put(f"{files}/reports/new", content=uuid4().bytes)).status_code == 201
    assert await status("GET", "/reports-of-others/a") == 404
    assert await status("GET", "/b") == 404
    assert (await key.put(f"{files}/b", content=b"x")).status_code == 403
    assert await status("GET", "", prefix="reports") == 403
    assert await status("GET", "") == 403
    assert (await key.get(f"/api/v1/buckets/{bucket}")).status_code == 200


async def test_a_grant_works_at_once_and_ends_at_once(
    http: httpx.AsyncClient, caller: CallerWith, bucket: str, files: str
) -> None:
    await http.put(f"{files}/a", content=uuid4().bytes)
    key = await caller("read")
    before = await key.get(f"{files}/a")

    await give(http, bucket, principal_of(key), "reader")
    meanwhile = await key.get(f"{files}/a")
    await take(http, bucket, principal_of(key))
    after = await key.get(f"{files}/a")

    assert [each.status_code for each in (before, meanwhile, after)] == [404, 200, 404]
    assert told(before) == told(after)


async def test_a_bucket_is_not_left_without_an_owner(
    http: httpx.AsyncClient, caller: CallerWith
) -> None:
    owner = await caller()
    name = a_bucket_name("owner")
    await owner.post("/api/v1/buckets", json={"name": name})
    grants, own = f"/api/v1/buckets/{name}/grants", {"principal": principal_of(owner)}

    gone = await owner.delete(grants, params=own)
    less = await owner.put(grants, json=own | {"role": "reader"})
    absent = await owner.delete(grants, params={"principal": "user:nobody"})

    assert gone.status_code == less.status_code == 409
    assert told(gone)["type"] == told(less)["type"] == "urn:strongroom:problem:last-owner"
    assert absent.status_code == 404
    assert (await http.delete(grants, params=own)).status_code == 204
    assert (await owner.get(grants)).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"principal": "ann", "role": "reader"},
        {"principal": "user:ann", "role": "king"},
        {"principal": "user:ann", "role": "reader", "prefix": "a"},
        {"principal": "user:ann", "role": "reader", "prefix": "../"},
        {"principal": "user:ann", "role": "reader", "prefix": "a\x00/"},
        {"principal": "user:ann", "role": "reader", "extra": 1},
        {"principal": "user:ann"},
        [],
    ],
    ids=["principal", "role", "no-slash", "up", "nul", "unknown-field", "no-role", "no-object"],
)
async def test_a_wrong_grant_is_refused_by_name(
    http: httpx.AsyncClient, bucket: str, body: object
) -> None:
    answer = await http.put(f"/api/v1/buckets/{bucket}/grants", json=body)

    assert answer.status_code == 400, answer.text


@pytest.mark.parametrize(
    "query",
    [{}, {"principal": "ann"}, {"principal": "user:a", "prefix": "a"}, {"principal": "user:a\x00"}],
    ids=["none", "principal", "no-slash", "nul"],
)
async def test_a_wrong_grant_to_take_is_refused_by_name(
    http: httpx.AsyncClient, bucket: str, query: dict[str, str]
) -> None:
    answer = await http.delete(f"/api/v1/buckets/{bucket}/grants", params=query)

    assert answer.status_code == 400, answer.text


@pytest.mark.parametrize(
    "wish",
    [{"user": "a b"}, {"user": ""}, {"groups": ["ops", "-"]}, {"groups": "ops"}, {"group": "ops"}],
    ids=["user", "empty", "group", "no-list", "unknown-field"],
)
async def test_a_key_acts_for_names_only(http: httpx.AsyncClient, wish: Json) -> None:
    body = {"name": "k", "scopes": ["read"], **wish}

    assert (await http.post("/api/v1/api-keys", json=body)).status_code == 400


async def test_who_owns_a_folder_gives_roles_below_it_only(
    http: httpx.AsyncClient, caller: CallerWith, bucket: str
) -> None:
    key = await caller()
    await give(http, bucket, principal_of(key), "owner", "team/")
    await give(http, bucket, "user:other", "reader", "secret/")
    grants = f"/api/v1/buckets/{bucket}/grants"

    await give(key, bucket, "user:bob", "writer", "team/bob/")
    beside = await key.put(grants, json={"principal": "user:bob", "role": "reader"})
    listed = await key.get(grants, params={"prefix": "team/"})
    all_of_them = await key.get(grants)
    taken = await key.delete(grants, params={"principal": "user:other", "prefix": "secret/"})

    assert beside.status_code == all_of_them.status_code == taken.status_code == 403
    assert [(one["prefix"], one["principal"]) for one in listed.json()["items"]] == [
        ("team/", principal_of(key)),
        ("team/bob/", "user:bob"),
    ]
    assert (await key.patch(f"/api/v1/buckets/{bucket}", json={})).status_code == 403


async def test_bodies_with_paths_are_looked_at_path_by_path(
    http: httpx.AsyncClient, caller: CallerWith, bucket: str, files: str
) -> None:
    for path in ("mine/a", "theirs/a"):
        stored = (await http.put(f"{files}/{path}", content=uuid4().bytes)).json()
    key = await caller()
    await give(http, bucket, principal_of(key), "writer", "mine/")
    await give(http, bucket, principal_of(key), "reader", "shared/")
    await http.put(f"{files}/shared/a", content=uuid4().bytes)

    async def change(change: Json, **more: object) -> int:
        url = f"/api/v1/buckets/{bucket}/changes"
        return (await key.post(url, json={"changes": [change], **more})).status_code

    async def restore(**what: object) -> int:
        url = f"/api/v1/buckets/{bucket}/restores"
        return (await key.post(url, json={"to": "main", **what})).status_code

    assert await change({"op": "copy", "source": "mine/a", "path": "mine/b"}) == 200
    assert await change({"op": "copy", "source": "shared/a", "path": "mine/c"}) == 200
    assert await change({"op": "copy", "source": "theirs/a", "path": "mine/d"}) == 403
    assert await change({"op": "copy", "source": "mine/a", "path": "theirs/b"}) == 403
    assert await change({"op": "move", "source": "shared/a", "path": "mine/e"}) == 403
    assert await change({"op": "delete", "path": "theirs/a"}) == 403
    assert await change({"op": "put", "path": "mine/f", "sha256": stored["sha256"]}) == 403
    assert await change({"op": "delete", "path": "mine/b"}, expect={"theirs/a": None}) == 403
    assert await change({"op": "delete", "path": "mine/b"}) == 200
    assert await restore() == 403
    assert await restore(prefix="theirs/") == 403
    assert await restore(paths=["mine/a", "theirs/a"]) == 403
    assert await restore(prefix="mine/") in (200, 503)
    assert (await http.get(f"{files}/theirs/a")).status_code == 200


async def test_an_access_check_names_the_rule_that_decides(
    http: httpx.AsyncClient, caller: CallerWith, bucket: str
) -> None:
    key = await caller()
    await give(http, bucket, "group:ops", "owner")
    await give(http, bucket, principal_of(key), "reader", "a/")
    await give(http, bucket, principal_of(key), "writer", "a/b/")

    allowed = await why(key, bucket, action="write", path="a/b/c")
    refused = await why(key, bucket, action="write", path="a/c")
    admin = await why(http, bucket, action="manage")
    in_group = await why(http, bucket, action="manage", principal="user:ann", groups=["ops"])
    no_group = await why(http, bucket, action="manage", principal="user:ann")
    of_key = await why(http, bucket, action="read", path="a/x", principal=principal_of(key))
    unknown = await why(http, bucket, action="read", principal=f"key:{uuid4()}")

    assert allowed["rule"]["grant"]["prefix"] == "a/b/"
    assert refused["rule"] is None
    looked_at = [rule["grant"]["prefix"] for rule in refused["looked_at"] if "grant" in rule]
    assert looked_at == ["a/", "a/b/"]
    assert admin["rule"] == {"kind": "scope", "scope": "admin"}
    assert in_group["rule"]["grant"]["principal"] == "group:ops"
    assert [no_group["allowed"], of_key["allowed"], unknown["allowed"]] == [False, True, False]


async def test_only_an_owner_asks_about_others(
    http: httpx.AsyncClient, caller: CallerWith, bucket: str
) -> None:
    key, stranger = await caller(), await caller()
    await give(http, bucket, principal_of(key), "writer")
    checks = f"/api/v1/buckets/{bucket}/access-checks"
    about = {"action": "read", "principal": "user:ann"}

    assert (await key.post(checks, json=about)).status_code == 403
    assert (await stranger.post(checks, json={"action": "read"})).status_code == 404
    assert (await key.post(checks, json={"action": "fly"})).status_code == 400
    assert (await key.post(checks, json={"action": "read", "groups": []})).status_code == 400
