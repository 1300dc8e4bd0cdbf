"""Every route says who may call it; the OpenAPI document is the table."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.platform import Platform

Json = dict[str, Any]

PUBLIC = {("get", "/api/v1/system/health")}
ADMIN = {
    ("post", "/api/v1/backups/targets"),
    ("delete", "/api/v1/backups/targets/{name}"),
    ("get", "/api/v1/api-keys"),
    ("post", "/api/v1/api-keys"),
    ("delete", "/api/v1/api-keys/{key_id}"),
}
ANY_KEY = {
    ("get", "/api/v1/me"),
    # Links are signed for what the key itself may do.
    ("get", "/api/v1/buckets/{bucket}/signed-urls"),
    ("post", "/api/v1/buckets/{bucket}/signed-urls"),
    ("delete", "/api/v1/buckets/{bucket}/signed-urls/{link_id}"),
}


def scopes_for(method: str, path: str) -> set[str]:
    """Return the lesser scopes that a route is open to."""
    if (method, path) in ADMIN:
        return set()
    if (method, path) in PUBLIC | ANY_KEY:
        return {"read", "write"}
    return {"read"} if method in ("get", "head") else {"write"}


async def document(http: httpx.AsyncClient) -> Json:
    found: Json = (await http.get("/openapi.json")).json()
    return found


def filled(path: str) -> str:
    for name in ("task_id", "snapshot", "key_id", "link_id"):
        path = path.replace(f"{{{name}}}", str(uuid4()))
    return path.replace("{bucket}", "no-such-bucket").replace("{", "").replace("}", "")


async def key_with(http: httpx.AsyncClient, scope: str) -> str:
    answer = await http.post("/api/v1/api-keys", json={"name": scope, "scopes": [scope]})
    key: str = answer.json()["key"]
    return key


async def test_nobody_without_a_key_comes_in(platform: Platform, http: httpx.AsyncClient) -> None:
    async with httpx.AsyncClient(base_url=platform.url) as anybody:
        for path, operations in (await document(http))["paths"].items():
            for method in operations:
                answer = await anybody.request(method, filled(path))

                expected = 200 if (method, path) in PUBLIC else 401
                assert answer.status_code == expected, (method, path)


@pytest.mark.parametrize("scope", ["read", "write"])
async def test_a_key_reaches_exactly_the_routes_of_its_scope(
    http: httpx.AsyncClient, scope: str
) -> None:
    headers = {"Authorization": f"Bearer {await key_with(http, scope)}"}

    for path, operations in (await document(http))["paths"].items():
        for method in operations:
            answer = await http.request(method, filled(path), headers=headers)

            allowed = scope in scopes_for(method, path)
            assert (answer.status_code != 403) == allowed, (method, path, answer.text)
            assert answer.status_code < 500, (method, path, answer.text)


async def test_the_document_describes_every_call(http: httpx.AsyncClient) -> None:
    found = await document(http)

    assert found["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    for path, operations in found["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"], (method, path)
            assert operation["tags"], (method, path)
            assert operation["responses"]["4XX"] == {"$ref": "#/components/responses/Problem"}
    put = found["paths"]["/api/v1/buckets/{bucket}/files/{path}"]["put"]
    body = put["requestBody"]["content"]["application/octet-stream"]
    assert body["schema"] == {"type": "string", "format": "binary"}


async def test_the_documentation_needs_nothing_from_elsewhere(platform: Platform) -> None:
    async with httpx.AsyncClient(base_url=platform.url, follow_redirects=True) as anybody:
        page = await anybody.get("/")
        assets = [
            await anybody.get(f"/docs/{name}")
            for name in ("swagger-ui.css", "swagger-ui-bundle.js", "start.js")
        ]
        absent = await anybody.get("/docs/../../etc/passwd")

    assert page.url.path == "/docs"
    assert "://" not in page.text
    assert all(asset.status_code == 200 and asset.content for asset in assets)
    assert absent.status_code == 404


async def test_health_tells_every_part(http: httpx.AsyncClient) -> None:
    answer = await http.get("/api/v1/system/health")

    assert answer.status_code == 200
    parts = answer.json()["parts"]
    assert parts["database"] == parts["nats"] == parts["store"] == "ok"
    assert set(parts) >= {"storage", "versioning", "backup", "progress"}


async def test_a_request_belongs_to_its_callers_trace(http: httpx.AsyncClient) -> None:
    trace_id = uuid4().hex

    answer = await http.get(
        "/api/v1/me", headers={"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01"}
    )

    assert answer.headers["x-request-id"] == trace_id
