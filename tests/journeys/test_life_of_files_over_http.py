"""Usage, trash, locks and lifecycle over HTTP, and by the command that people type."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from libs.contracts.ids import new_id
from tests.builders import a_bucket_name
from tests.platform import Platform

API = "/api/v1"
Json = dict[str, Any]


async def make(http: httpx.AsyncClient, **settings: Any) -> str:
    """Make a bucket with settings; return its address."""
    name = a_bucket_name("life")
    answer = await http.post(f"{API}/buckets", json={"name": name} | settings)
    assert answer.status_code == 201, answer.text
    return f"{API}/buckets/{name}"


async def put(http: httpx.AsyncClient, bucket: str, path: str, size: int = 16) -> None:
    body = (new_id().bytes * (size // 16 + 1))[:size]
    answer = await http.put(f"{bucket}/files/{path}", content=body)
    assert answer.status_code in (200, 201), answer.text


async def usage(http: httpx.AsyncClient, bucket: str) -> Json:
    found: Json = (await http.get(f"{bucket}/usage")).json()
    return found


async def key_for(http: httpx.AsyncClient, *scopes: str) -> tuple[str, dict[str, str]]:
    """Return a new key's id, and the headers that show it."""
    made = (await http.post(f"{API}/api-keys", json={"name": "life", "scopes": scopes})).json()
    return made["key_id"], {"Authorization": f"Bearer {made['key']}"}


async def test_usage_tells_what_is_live_kept_and_stored(http: httpx.AsyncClient) -> None:
    bucket = await make(http, quota_bytes=10_000, compression="zstd")
    await http.put(f"{bucket}/files/a", content=b"text " * 1000)
    await http.put(f"{bucket}/files/a", content=new_id().bytes)

    told = await usage(http, bucket)

    assert told["live"] == {"number": 1, "bytes": 16}
    assert told["versions"] == {"number": 1, "bytes": 5000}
    assert (told["used_bytes"], told["quota_bytes"]) == (5016, 10_000)
    assert told["stored_bytes"] < told["held"]["bytes"] == 5016
    compression = told["compression"]
    assert compression["setting"] == "zstd"
    assert compression["ratio"] > 5
    assert compression["level"] >= 1
    assert 0 < compression["threshold"] < 1


async def test_a_full_bucket_refuses_and_keeps_nothing(http: httpx.AsyncClient) -> None:
    bucket = await make(http, quota_bytes=1000)
    await put(http, bucket, "a", 900)

    no_room = await http.put(f"{bucket}/files/b", content=b"x" * 101)
    too_large = await http.put(f"{bucket}/files/b", content=b"x" * 1001)

    assert (no_room.status_code, too_large.status_code) == (507, 413)
    assert no_room.json()["type"] == "urn:strongroom:problem:quota-exceeded"
    assert (no_room.json()["quota_bytes"], no_room.json()["used_bytes"]) == (1000, 900)
    assert no_room.json()["needed_bytes"] == 101
    assert (await usage(http, bucket))["used_bytes"] == 900
    assert (await http.get(f"{bucket}/files/b")).status_code == 404


async def test_a_large_body_that_cannot_fit_is_refused_by_its_announced_size(
    http: httpx.AsyncClient,
) -> None:
    bucket = await make(http, quota_bytes=20_000_000)
    await put(http, bucket, "a", 1000)

    answer = await http.put(f"{bucket}/files/b", content=bytes(19_999_001))

    assert answer.status_code == 507
    assert answer.json()["needed_bytes"] == 19_999_001


async def test_fifty_parallel_uploads_never_overshoot(http: httpx.AsyncClient) -> None:
    bucket = await make(http, quota_bytes=100_000)
    await put(http, bucket, "most", 99_000)

    answers = await asyncio.gather(
        *(http.put(f"{bucket}/files/{n}", content=new_id().bytes * 7) for n in range(50))
    )

    statuses = [answer.status_code for answer in answers]
    assert (statuses.count(201), statuses.count(507)) == (8, 42)
    assert (await usage(http, bucket))["used_bytes"] == 99_000 + 8 * 112


async def test_an_admin_limits_a_key_and_the_key_sees_it(http: httpx.AsyncClient) -> None:
    key_id, headers = await key_for(http, "read", "write")
    limited = await http.put(f"{API}/quotas/key:{key_id}", json={"quota_bytes": 100})
    assert limited.status_code == 200, limited.text
    made = await http.post(f"{API}/buckets", json={"name": a_bucket_name("mine")}, headers=headers)
    files = f"{API}/buckets/{made.json()['name']}/files"

    first = await http.put(f"{files}/a", content=new_id().bytes, headers=headers)
    second = await http.put(f"{files}/b", content=new_id().bytes * 6, headers=headers)

    assert (first.status_code, second.status_code) == (201, 507)
    mine = (await http.get(f"{API}/me/usage", headers=headers)).json()
    assert (mine["used_bytes"], mine["quota_bytes"]) == (16, 100)
    assert (await http.get(f"{API}/quotas", headers=headers)).status_code == 403
    listed = (await http.get(f"{API}/quotas", params={"limit": 1000})).json()["items"]
    assert f"key:{key_id}" in [one["principal"] for one in listed]
    assert (await http.delete(f"{API}/quotas/key:{key_id}")).status_code == 204
    third = await http.put(f"{files}/b", content=new_id().bytes * 6, headers=headers)
    assert third.status_code == 201


async def test_a_deleted_file_comes_back_from_the_trash(http: httpx.AsyncClient) -> None:
    bucket = await make(http, trash_s=3600)
    await put(http, bucket, "d/a")
    before = (await http.get(f"{bucket}/files/d/a")).content
    await http.delete(f"{bucket}/files/d/a")

    (entry,) = (await http.get(f"{bucket}/trash", params={"prefix": "d/"})).json()["items"]
    restored = await http.post(f"{bucket}/trash/restores", json={"paths": ["d/a"]})
    again = await http.post(f"{bucket}/trash/restores", json={"paths": ["d/a"]})

    assert (entry["path"], entry["size"]) == ("d/a", 16)
    assert restored.json()["restored"] == 1
    assert again.status_code == 404
    assert (await http.get(f"{bucket}/files/d/a")).content == before


async def test_a_restore_meets_a_newer_file_with_409(http: httpx.AsyncClient) -> None:
    bucket = await make(http, trash_s=3600)
    await put(http, bucket, "a")
    await http.delete(f"{bucket}/files/a")
    await put(http, bucket, "a")

    refused = await http.post(f"{bucket}/trash/restores", json={"prefix": ""})
    beside = await http.post(f"{bucket}/trash/restores", json={"prefix": "", "into": "old/"})

    assert refused.status_code == 409
    assert refused.json()["type"] == "urn:strongroom:problem:file-exists"
    assert beside.status_code == 200
    assert (await http.get(f"{bucket}/files/old/a")).status_code == 200


async def test_the_emptied_trash_gives_nothing_back(http: httpx.AsyncClient) -> None:
    bucket = await make(http, trash_s=3600, versioning="off")
    await put(http, bucket, "a")
    await http.delete(f"{bucket}/files/a")

    neither = await http.delete(f"{bucket}/trash")
    emptied = await http.delete(f"{bucket}/trash", params={"path": "a"})

    assert neither.status_code == 400
    assert emptied.json() == {"files": 1, "bytes": 16}
    assert (await http.get(f"{bucket}/trash")).json()["items"] == []
    assert (await usage(http, bucket))["used_bytes"] == 0


async def test_a_locked_file_is_refused_with_until_when(http: httpx.AsyncClient) -> None:
    bucket = await make(http)
    await put(http, bucket, "a")
    until = (datetime.now(UTC) + timedelta(days=1)).isoformat()

    lock = await http.put(
        f"{bucket}/lock",
        params={"path": "a"},
        json={"mode": "compliance", "retain_until": until},
    )
    deleted = await http.delete(f"{bucket}/files/a")
    replaced = await http.put(f"{bucket}/files/a", content=new_id().bytes)
    lifted = await http.put(
        f"{bucket}/lock", params={"path": "a"}, json={"bypass_governance": True}
    )
    gone = await http.delete(bucket, params={"force": True})

    assert lock.status_code == 200, lock.text
    assert [deleted.status_code, replaced.status_code, gone.status_code] == [409, 409, 409]
    assert deleted.json()["type"] == "urn:strongroom:problem:file-locked"
    assert datetime.fromisoformat(deleted.json()["retain_until"]) == datetime.fromisoformat(until)
    assert lifted.status_code == 403, "nobody lifts compliance, not even an administrator"
    (listed,) = (await http.get(f"{bucket}/locks")).json()["items"]
    assert (listed["path"], listed["mode"]) == ("a", "compliance")


async def test_a_governance_lock_is_lifted_by_its_owner_only(http: httpx.AsyncClient) -> None:
    bucket = await make(http)
    await put(http, bucket, "a")
    key_id, writer = await key_for(http, "read", "write")
    await http.put(f"{bucket}/grants", json={"principal": f"key:{key_id}", "role": "writer"})
    until = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    address = f"{bucket}/lock?path=a"

    locked = await http.put(
        address, json={"mode": "governance", "retain_until": until}, headers=writer
    )
    by_writer = await http.put(address, json={"bypass_governance": True}, headers=writer)
    unsaid = await http.put(address, json={})
    by_owner = await http.put(address, json={"bypass_governance": True})

    assert locked.status_code == 200, locked.text
    assert (by_writer.status_code, unsaid.status_code, by_owner.status_code) == (403, 403, 200)
    assert (await http.delete(f"{bucket}/files/a")).status_code == 204


async def test_rules_are_settings_and_their_preview_says_what_goes_when(
    http: httpx.AsyncClient,
) -> None:
    rule = {"id": "tmp", "prefix": "tmp/", "expire_after_days": 7}
    bucket = await make(http, lifecycle=[rule])
    await put(http, bucket, "tmp/a")
    await put(http, bucket, "kept")

    kept = (await http.get(bucket)).json()["lifecycle"]
    (foreseen,) = (await http.get(f"{bucket}/lifecycle/preview")).json()["items"]

    assert kept == [rule | {"tags": {}}]
    assert (foreseen["path"], foreseen["rule"]) == ("tmp/a", "tmp")
    lasts = datetime.fromisoformat(foreseen["expires_at"]) - datetime.fromisoformat(
        foreseen["modified_at"]
    )
    assert lasts == timedelta(days=7)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"lifecycle": [{"id": "a", "prefx": "tmp/", "expire_after_days": 1}]}, "prefx"),
        ({"lifecycle": [{"id": "a", "expire_after_days": 0}]}, "expire_after_days"),
        ({"lifecycle": [{"id": "a"}]}, "expire_after_days"),
        ({"lifecycle": [{"id": "a", "expire_after_days": 1}] * 2}, "lifecycle[1].id"),
        ({"lifecycle": "all"}, "lifecycle"),
        ({"trash_s": -1}, "trash_s"),
        ({"retention": {"mode": "forever", "days": 1}}, "retention"),
        ({"retention": {"mode": "governance", "days": 1, "dayz": 2}}, "dayz"),
        ({"quota_bytes": -5}, "quota_bytes"),
    ],
    ids=[
        "unknown-word",
        "no-days",
        "days-missing",
        "twice",
        "no-list",
        "negative-trash",
        "unknown-mode",
        "unknown-retention-word",
        "negative-quota",
    ],
)
async def test_settings_that_mean_nothing_are_refused_by_their_name(
    http: httpx.AsyncClient, settings: Json, named: str
) -> None:
    bucket = await make(http)

    created = await http.post(f"{API}/buckets", json={"name": a_bucket_name("never")} | settings)
    changed = await http.patch(bucket, json=settings)

    for answer in (created, changed):
        assert answer.status_code == 400, answer.text
        assert named in answer.text


@pytest.mark.parametrize(
    ("method", "address", "body"),
    [
        ("GET", "/trash?prefix=%00", None),
        ("DELETE", "/trash?path=a&prefix=b", None),
        ("DELETE", "/trash?path=../a", None),
        ("POST", "/trash/restores", {}),
        ("POST", "/trash/restores", {"paths": []}),
        ("POST", "/trash/restores", {"prefix": "", "is_admin": True}),
        ("GET", "/lock", None),
        ("GET", "/lock?path=a&version=0", None),
        ("PUT", "/lock?path=..", {"legal_hold": True}),
        ("PUT", "/lock?path=a", {"mode": "compliance"}),
        ("PUT", "/lock?path=a", {"mode": "compliance", "retain_until": "2001-01-01T00:00:00Z"}),
        ("PUT", "/lock?path=a", {"mode": "compliance", "retain_until": "2101-01-01T00:00:00"}),
        ("GET", "/locks?cursor=nonsense", None),
        ("GET", "/lifecycle/preview?limit=0", None),
        ("GET", "/usage?of=all", None),
    ],
)
async def test_bad_input_is_a_clear_400(
    http: httpx.AsyncClient, method: str, address: str, body: Json | None
) -> None:
    bucket = await make(http, trash_s=60)
    await put(http, bucket, "a")

    answer = await http.request(method, f"{bucket}{address}", json=body)

    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


async def test_what_somebody_may_not_see_has_no_usage_trash_or_locks(
    http: httpx.AsyncClient, platform: Platform
) -> None:
    bucket = await make(http)
    await put(http, bucket, "a")
    _, stranger = await key_for(http, "read", "write")
    absent = f"{API}/buckets/{a_bucket_name('absent')}"

    for below in ("/usage", "/trash", "/locks", "/lock?path=a", "/lifecycle/preview"):
        seen = await http.get(f"{bucket}{below}", headers=stranger)
        unseen = await http.get(f"{absent}{below}", headers=stranger)
        assert seen.status_code == unseen.status_code == 404, below
