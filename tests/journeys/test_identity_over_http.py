"""API keys: who may come in, and who may not."""

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.journeys.callers import give, new_key
from tests.platform import Platform
from tests.waiting import eventually


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


async def test_a_key_is_shown_once_and_says_who_it_is(http: httpx.AsyncClient) -> None:
    created = await new_key(http, "read", "write")

    me = await http.get("/api/v1/me", headers=bearer(created["key"]))
    listed = (await http.get("/api/v1/api-keys")).json()["items"]

    assert me.json()["actor"] == f"key:{created['key_id']}"
    assert me.json()["scopes"] == ["read", "write"]
    assert created["key_id"] in [item["key_id"] for item in listed]
    assert all("key" not in item and "secret_hash" not in item for item in listed)


async def test_what_a_key_does_is_recorded_as_its(
    http: httpx.AsyncClient, bucket: str, files: str
) -> None:
    created = await new_key(http, "write")
    await give(http, bucket, f"key:{created['key_id']}", "writer")

    put = await http.put(f"{files}/a", content=b"x", headers=bearer(created["key"]))

    assert put.json()["modified_by"] == f"key:{created['key_id']}"


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer sr_wrong",
        "Bearer sr_" + "0" * 32 + "_" + "A" * 64,
        "Basic dXNlcjpwYXNz",
        "Bearer eyJhbGciOiJub25lIn0.e30.",
        "Bearer " + "x" * 50_000,
    ],
)
async def test_a_wrong_key_is_refused(platform: Platform, authorization: str) -> None:
    async with httpx.AsyncClient(base_url=platform.url) as anybody:
        answer = await anybody.get("/api/v1/me", headers={"Authorization": authorization})

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.json()["type"] == "urn:strongroom:problem:unauthorized"


async def test_a_wrong_secret_is_refused_like_an_unknown_id(
    http: httpx.AsyncClient,
) -> None:
    created = await new_key(http, "read")
    known, secret = created["key"].rsplit("_", 1)
    unknown = f"sr_{'0' * 32}_{secret}"

    wrong = await http.get("/api/v1/me", headers=bearer(f"{known}_{secret[::-1]}"))
    absent = await http.get("/api/v1/me", headers=bearer(unknown))

    assert wrong.status_code == absent.status_code == 401
    assert wrong.json()["detail"] == absent.json()["detail"]


@pytest.mark.parametrize("name", ["key", "api_key", "token", "access_token", "Authorization"])
async def test_a_key_in_the_url_is_refused_with_a_hint(platform: Platform, name: str) -> None:
    async with httpx.AsyncClient(base_url=platform.url) as anybody:
        answer = await anybody.get("/api/v1/me", params={name: platform.admin_key})

    assert answer.status_code == 401
    assert "URL" in answer.json()["detail"]
    assert platform.admin_key not in answer.text


async def test_a_revoked_key_stops_at_once(http: httpx.AsyncClient) -> None:
    created = await new_key(http, "read")
    before = await http.get("/api/v1/me", headers=bearer(created["key"]))

    revoked = await http.delete(f"/api/v1/api-keys/{created['key_id']}")

    assert before.status_code == 200
    assert revoked.status_code == 204
    assert (await http.get("/api/v1/me", headers=bearer(created["key"]))).status_code == 401
    assert (await http.delete(f"/api/v1/api-keys/{created['key_id']}")).status_code == 404


async def test_an_expired_key_stops_by_itself(http: httpx.AsyncClient) -> None:
    soon = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    created = await new_key(http, "read", expires_at=soon)
    before = await http.get("/api/v1/me", headers=bearer(created["key"]))

    async def refused() -> bool:
        answer = await http.get("/api/v1/me", headers=bearer(created["key"]))
        return answer.status_code == 401

    assert before.status_code == 200
    await eventually(refused, timeout_s=5)


async def test_keys_page_by_page(http: httpx.AsyncClient) -> None:
    made = {(await new_key(http, "read"))["key_id"] for _ in range(3)}

    found: list[str] = []
    cursor: str | None = None
    while not made <= set(found):
        query = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = (await http.get("/api/v1/api-keys", params=query)).json()
        found += [item["key_id"] for item in page["items"]]
        cursor = page["next"]
        assert cursor is not None or made <= set(found)

    assert len(found) == len(set(found))


async def test_the_same_idempotency_key_gives_the_first_answer(http: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": f"task-{datetime.now(UTC).timestamp()}"}
    body = {"kind": "test.run", "title": "once"}

    first = await http.post("/api/v1/progress/tasks", json=body, headers=headers)
    again = await http.post("/api/v1/progress/tasks", json=body, headers=headers)
    other = await http.post("/api/v1/progress/tasks", json=body | {"title": "x"}, headers=headers)

    assert first.status_code == again.status_code == 201
    assert first.content == again.content
    assert first.headers["location"] == again.headers["location"]
    assert again.headers["idempotent-replayed"] == "true"
    assert other.status_code == 422
    assert other.json()["type"] == "urn:strongroom:problem:idempotency-key-reused"


async def test_of_many_equal_requests_one_is_carried_out(http: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": f"many-{datetime.now(UTC).timestamp()}"}
    body = {"kind": "test.run", "title": "once"}

    answers = await asyncio.gather(
        *(http.post("/api/v1/progress/tasks", json=body, headers=headers) for _ in range(10))
    )

    assert {answer.status_code for answer in answers} <= {201, 409}
    made = {answer.json()["task_id"] for answer in answers if answer.status_code == 201}
    assert len(made) == 1


async def test_a_repeated_answer_does_not_show_a_secret_again(http: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": f"key-{datetime.now(UTC).timestamp()}"}
    body = {"name": "once", "scopes": ["read"]}

    first = (await http.post("/api/v1/api-keys", json=body, headers=headers)).json()
    again = (await http.post("/api/v1/api-keys", json=body, headers=headers)).json()

    assert first["key"].startswith("sr_")
    assert again == first | {"key": None}


@pytest.mark.parametrize("key", ["", "a b", "x" * 256])
async def test_an_idempotency_key_has_a_form(http: httpx.AsyncClient, key: str) -> None:
    answer = await http.post(
        "/api/v1/progress/tasks", json={"kind": "test.run"}, headers={"Idempotency-Key": key}
    )

    assert answer.status_code == 400
