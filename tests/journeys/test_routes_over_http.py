"""What the gateway says about itself: its calls, its health, its traces."""

from typing import Any
from uuid import uuid4

import httpx

from tests.platform import Platform

Json = dict[str, Any]


async def document(http: httpx.AsyncClient) -> Json:
    found: Json = (await http.get("/openapi.json")).json()
    return found


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


async def test_the_calls_that_write_history_show_a_body(http: httpx.AsyncClient) -> None:
    found = await document(http)

    for path, operations in found["paths"].items():
        for method, operation in operations.items():
            content = operation.get("requestBody", {}).get("content", {})
            if "Versions" in operation["tags"] and "application/json" in content:
                assert content["application/json"]["examples"], (method, path)


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


async def test_an_input_that_does_not_fit_is_named_with_its_place(http: httpx.AsyncClient) -> None:
    query = (await http.get("/api/v1/buckets", params={"limit": 0})).json()
    body = (await http.post("/api/v1/buckets", json={"name": "No Bucket"})).json()

    assert (query["errors"][0]["field"], query["errors"][0]["in"]) == ("limit", "query")
    assert (body["errors"][0]["field"], body["errors"][0]["in"]) == ("name", "body")
    assert body["detail"].startswith("expected 3 to 63 lower-case letters")
